/** A piece of a page, as page/tree.js makes it. */
export interface Tree {
  readonly name: string;
  /** Functions are listeners, which need a browser. */
  readonly attributes: Readonly<Record<string, string | (() => void) | undefined>>;
  readonly children: readonly (Tree | string)[];
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as HTML, also within an attribute's quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}

/** Writes a tree as HTML, the same that page/dom.js makes of it in a browser. Only for elements that have an end tag. */
export function writeHtml(tree: Tree | string): string {
  if (typeof tree === "string") return escapeHtml(tree);
  const attributes = Object.entries(tree.attributes).map(([name, value]) =>
    typeof value === "string" ? ` ${name}="${escapeHtml(value)}"` : "",
  );
  // A parser drops a line break that follows this tag at once; two make one.
  const first = tree.name === "pre" ? "\n" : "";
  return `<${tree.name}${attributes.join("")}>${first}${tree.children.map(writeHtml).join("")}</${tree.name}>`;
}
