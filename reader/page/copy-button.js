import { element } from "./tree.js";

/** How long the button says what has become of it. */
const SAID_FOR_MS = 2_000;

/** A button that puts a text into the clipboard, and says so. */
export function copyButton(label, text, { words }) {
  const press = async ({ currentTarget: button }) => {
    button.textContent = (await copy(text)) ? words.order.copied : words.order.notCopied;
    setTimeout(() => {
      button.textContent = label;
    }, SAID_FOR_MS);
  };
  return element("button", { type: "button", class: "small-button", onclick: press, "aria-live": "polite" }, label);
}

/** @returns whether it is in the clipboard, which there is only where the page came by https or from this machine */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
