import { element } from "./tree.js";

/** How long the button says what has become of it. */
const SAID_FOR_MS = 2_000;

/** A button that puts a text into the clipboard, and says so. */
export function copyButton(label, text, { words }) {
  const press = async ({ currentTarget: button }) => {
    const isCopied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    button.textContent = isCopied ? words.order.copied : words.order.notCopied;
    setTimeout(() => {
      button.textContent = label;
    }, SAID_FOR_MS);
  };
  return element("button", { type: "button", class: "small-button", onclick: press, "aria-live": "polite" }, label);
}
