/**
 * A piece of a page as plain data: dom.js makes it visible in a browser, and the reader writes it as HTML for browsers
 * that run no scripts. So both say the same.
 *
 * @param {string} name
 * @param {Record<string, string | (() => void) | undefined>} attributes those that are undefined are left out; functions
 *   are listeners, for the browser alone
 * @param {...(object | string | undefined)} children those that are undefined are left out
 */
export function element(name, attributes = {}, ...children) {
  return { name, attributes, children: children.filter((child) => child !== undefined) };
}
