const TOKEN = /\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+)/gsy;

/**
 * The parts of a JSON text as they stand in it: numbers keep their digits, and a key that comes twice comes twice.
 *
 * @param {string} text JSON, which is not checked here
 * @returns a part: `{ text }`, or for what has parts itself `{ open, close, members }` with members `{ key, value }`, whose
 *   key is undefined in a list
 */
export function outlineOf(text) {
  const root = { members: [] };
  const within = [root];
  let key;
  let last;
  for (const [, token] of text.matchAll(TOKEN)) {
    const around = within.at(-1);
    if (token === "}" || token === "]") {
      within.pop();
    } else if (token === ":") {
      // What was taken for a value is the name of the next one.
      key = around.members.pop().value.text;
    } else if (token !== ",") {
      last = token === "{" ? { open: "{", close: "}", members: [] } : { text: token };
      if (token === "[") last = { open: "[", close: "]", members: [] };
      around.members.push({ key, value: last });
      key = undefined;
      if (last.members) within.push(last);
    }
  }
  return root.members[0]?.value;
}
