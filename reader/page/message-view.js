import { element } from "./tree.js";

const bdi = (id) => element("bdi", { class: "id" }, id);

/** Nothing was asked yet. @param {readonly object[]} further what stands below */
export function idleView({ words }, ...further) {
  return element("div", { class: "idle" }, element("p", {}, words.idle), ...further);
}

/** Seen only by those who wait: it fades in after a moment. */
export function loadingView(id, { words }) {
  return element("div", { class: "message loading" }, ...words.loading(bdi(id)));
}

/** Comes after it, when the answer keeps somebody waiting. */
export function slowView(id, { words }) {
  return element("div", { class: "message quiet" }, paragraph(...words.loading(bdi(id))), paragraph(words.slow));
}

/** @param {string} because a sentence */
export function malformedView(id, because, { words }) {
  return alert(words.malformed.heading, paragraph(bdi(id)), paragraph(because), paragraph(words.check));
}

/** @param {(() => void) | undefined} retry undefined where nothing can be pressed */
export function unknownView(id, language, retry) {
  const { words } = language;
  const { heading, text, watching, spaces, tidy, again } = words.unknown;
  const trimmed = id.trim();
  return alert(
    heading,
    paragraph(...text(bdi(id))),
    // A page that can be told to look again has looked without them too.
    !retry && trimmed !== id && trimmed !== "" ? paragraph(spaces, link(trimmed, tidy, language)) : undefined,
    paragraph(words.check),
    retry && element("p", { class: "quiet" }, watching),
    retry ? button(again, retry) : reload(id, language),
  );
}

/** @param {string | number} because as look-up.js gives it @param {(() => void) | undefined} retry */
export function unavailableView(id, because, language, retry) {
  const { heading, text, trying, retry: label } = language.words.unavailable;
  return alert(
    heading,
    paragraph(whyUnavailable(because, language)),
    paragraph(...text(bdi(id))),
    retry && element("p", { class: "quiet" }, trying),
    retry ? button(label, retry) : reload(id, language),
  );
}

/** A sentence. @param {string | number} because as look-up.js gives it */
export function whyUnavailable(because, { words }) {
  if (because === 503) return words.unavailable.database;
  return typeof because === "number" ? words.unavailable.status(because) : words.unavailable[because];
}

function alert(heading, ...content) {
  return element("div", { class: "message alert" }, element("h2", { tabindex: "-1" }, heading), ...content);
}

/** What can be done where no script runs. */
function reload(id, language) {
  return paragraph(link(id, language.words.reload, language));
}

/** @param language of a page whose address names its language also the end of the address, as `chosen` */
function link(id, text, { chosen = "" }) {
  return element("a", { href: `?order=${encodeURIComponent(id)}${chosen}` }, text);
}

function paragraph(...content) {
  return element("p", {}, ...content);
}

function button(text, action) {
  return element("button", { type: "button", id: "retry", onclick: action }, text);
}
