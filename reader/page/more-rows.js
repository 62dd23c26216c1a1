import { render } from "./dom.js";
import { element } from "./tree.js";

/** A browser takes about half a second for so many. */
const STEP = 500;

/**
 * A button that shows further rows of the table before it; an event `showall` shows all of them, for paper.
 *
 * @param {(from: number, to: number) => object[]} rowsOf what element() describes
 * @param {number} shown how many there are already
 * @param {number} all how many there will be
 */
export function moreRows(rowsOf, shown, all, { words, format }) {
  let next = shown;
  const label = () => words.order.more(format.number(Math.min(STEP, all - next)), format.number(all - next));
  const showUntil = (button, end) => {
    const rows = rowsOf(next, end).map(render);
    next += rows.length;
    const section = button.closest("section");
    section.querySelector("tbody").append(...rows);
    button.textContent = label();
    if (next < all) return;
    if (document.activeElement === button) section.querySelector(".scroll").focus();
    button.remove();
  };
  const attributes = {
    type: "button",
    class: "small-button",
    id: "more-items",
    onclick: ({ currentTarget }) => showUntil(currentTarget, Math.min(next + STEP, all)),
    onshowall: ({ currentTarget }) => showUntil(currentTarget, all),
  };
  return element("button", attributes, label());
}
