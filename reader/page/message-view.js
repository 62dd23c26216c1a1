import { element } from "./dom.js";

const bdi = (id) => element("bdi", { class: "id" }, id);

/** Nothing was asked yet. */
export function idleView() {
  return message("idle", "Type or paste the id of an order to see it as it was published.");
}

/** Seen only by those who wait: it fades in after a moment. */
export function loadingView(id) {
  return message("loading", "Looking for ", bdi(id), " …");
}

/** @param {string} because a sentence */
export function malformedView(id, because) {
  return message("alert", heading("This is not a valid id"), paragraph(bdi(id)), paragraph(because));
}

/** @param {() => void} retry */
export function unknownView(id, retry) {
  const view = message(
    "alert",
    heading("There is no such order"),
    paragraph("No order has the id ", bdi(id), ". One that was placed a moment ago may still be on its way."),
  );
  const tidy = id.trim();
  if (tidy !== id && tidy !== "") {
    const href = `/?order=${encodeURIComponent(tidy)}`;
    view.append(paragraph("There are spaces around it. ", element("a", { href }, "Look without them.")));
  }
  view.append(button("Look again", retry));
  return view;
}

/** @param {string} because a sentence @param {() => void} retry */
export function unavailableView(id, because, retry) {
  return message(
    "alert",
    heading("The order cannot be reached now"),
    paragraph(because),
    paragraph("The order ", bdi(id), " may well exist. Nothing is lost; try again in a moment."),
    button("Retry", retry),
  );
}

function message(kind, ...content) {
  return element("div", { class: `message ${kind}` }, ...content);
}

function heading(text) {
  return element("h2", { tabindex: "-1" }, text);
}

function paragraph(...content) {
  return element("p", {}, ...content);
}

function button(text, action) {
  const made = element("button", { type: "button", id: "retry" }, text);
  made.addEventListener("click", action);
  return made;
}
