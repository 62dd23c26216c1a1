/** Makes what element() describes. Whatever comes from an order becomes text or an attribute here, never markup. */
export function render(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const made = document.createElement(tree.name);
  for (const [attribute, value] of Object.entries(tree.attributes)) {
    if (typeof value === "function") made.addEventListener(attribute.replace(/^on/, ""), value);
    else if (value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...tree.children.map(render));
  return made;
}
