import { render } from "./dom.js";
import { element } from "./tree.js";

/** Something folded away, which is made when it is first seen. @param {() => object[]} content what element() describes */
export function fold(attributes, summary, content) {
  const fill = ({ currentTarget: details }) => {
    if (details.open && details.children.length === 1) details.append(...content().map(render));
  };
  return element("details", { ...attributes, ontoggle: fill }, summary);
}
