/**
 * Makes an element. Whatever comes from an order becomes text or an attribute here, never markup.
 *
 * @param {string} name
 * @param {Record<string, string | undefined>} attributes those that are undefined are left out
 * @param {...(Node | string)} children
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}
