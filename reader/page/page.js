/**
 * The page: the address names an order, the page shows it. Typing changes the address, and Back and Forward do.
 *
 * `idle` (no id in the address) · `loading`, which says after a second that it is slow, → `found` | `unknown` |
 * `malformed` | `unavailable`. Unknown ones, and those that cannot be reached, are looked for again and again while
 * somebody sees it, and whenever the button is pressed. A new address in any state gives up what is being looked up. The
 * state stands in #result's data-state.
 *
 * Without an order the field has the focus. Whoever opens a link wants to read: the heading of the answer has it then, so
 * that it is read out, and that Space scrolls instead of typing. Where the focus was in #result, it goes to the heading of
 * what comes there, too. Another language shows what is shown anew, and asks nobody.
 */
import { currentLanguage, rememberLanguage } from "./chosen-language.js";
import { copyButton } from "./copy-button.js";
import { render } from "./dom.js";
import { fold } from "./fold.js";
import { jsonView } from "./json-view.js";
import { keepLooking } from "./keep-looking.js";
import { createLanguage, languageTags } from "./language.js";
import { liveSection, showLive } from "./live-orders.js";
import { lookUpMeant } from "./look-up.js";
import {
  idleView,
  loadingView,
  malformedView,
  slowView,
  unavailableView,
  unknownView,
  whyUnavailable,
} from "./message-view.js";
import { moreRows } from "./more-rows.js";
import { whyNoOrderId } from "./order-id.js";
import { orderView } from "./order-view.js";
import { recentView, rememberId } from "./recent-look-ups.js";
import { element } from "./tree.js";

const SLOW_AFTER_MS = 1_000;

/** How long a person waited for an order, for the browser's own tools: from the asking to the picture of the answer. */
const LOOK_UP = "orders.look-up";

const form = document.getElementById("search");
const input = document.getElementById("order-id");
const result = document.getElementById("result");
const status = document.getElementById("status");

let language = currentLanguage();
let current = new AbortController();
/** Presents again what is presented, in the language of now. */
let presentAgain = () => {};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(input.value);
  input.select();
});

// Links of the page to the page: without a reload, unless the person wants a new tab.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname !== "/") return;
  event.preventDefault();
  goTo(url.searchParams.get("order") ?? "");
});

addEventListener("popstate", showAddress);
// On paper nobody can ask for the rest.
addEventListener("beforeprint", () => document.getElementById("more-items")?.dispatchEvent(new Event("showall")));
speak();
showAddress();

function goTo(id) {
  const address = addressOf(id);
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  showAddress();
}

function addressOf(id) {
  return id === "" ? "/" : `/?order=${encodeURIComponent(id)}`;
}

function showAddress() {
  const id = new URLSearchParams(location.search).get("order") ?? "";
  showName(id);
  void show(id);
}

function showName(id) {
  if (input.value !== id) input.value = id;
  showTitle(id);
}

function showTitle(id) {
  document.title = id === "" ? language.words.title : language.words.titleOf(id);
}

async function show(id) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  if (id === "") {
    presentIdle(signal);
    input.focus();
    return;
  }
  const start = performance.now();
  const problem = whyNoOrderId(id, language);
  // Spaces that no id can have, such as a tab, came along with what was pasted.
  if (problem && id !== id.trim() && !whyNoOrderId(id.trim(), language)) return correct(id.trim());
  if (problem) return presentMalformed(id, () => whyNoOrderId(id, language));
  const outcome = await lookUpVisibly(id, signal);
  // Another look-up has begun meanwhile, and the page is its.
  if (!outcome || signal.aborted) return;
  presentOutcome(id, outcome);
  if (outcome.kind === "found") measureLookUp(start);
  for (let told = outcome; told && told.kind !== "found" && told.kind !== "malformed"; ) {
    told = await keepLooking(id, told, signal);
    if (told) presentOutcome(id, told);
  }
}

/** Goes to what was meant, in place of what was typed. */
function correct(id) {
  history.replaceState(null, "", addressOf(id));
  showAddress();
}

function measureLookUp(start) {
  // After the frame that shows it.
  requestAnimationFrame(() => setTimeout(() => performance.measure(LOOK_UP, { start })));
}

async function lookUpVisibly(id, signal) {
  present("loading", () => [loadingView(id, language), ""]);
  const timer = setTimeout(() => {
    if (!signal.aborted) present("loading", () => [slowView(id, language), language.words.slow]);
  }, SLOW_AFTER_MS);
  const outcome = await lookUpMeant(id, signal).catch(() => undefined);
  clearTimeout(timer);
  return outcome;
}

function presentIdle(signal) {
  present("idle", () => [idleView(language, recentView(language, showRecent), liveSection(language)), ""]);
  showLive(document.getElementById("live"), language, signal);
  presentAgain = () => void show("");
}

/** Shows what is left of what was looked up before, the focus where an entry was forgotten. */
function showRecent(index) {
  const left = recentView(language, showRecent);
  const section = result.querySelector(".recent");
  if (left) section.replaceWith(render(left));
  else section.remove();
  const buttons = [...result.querySelectorAll(".forget")];
  (buttons[index] ?? buttons.at(-1) ?? input).focus();
}

function presentOutcome(asked, outcome) {
  const id = outcome.id ?? asked;
  if (id !== asked) {
    history.replaceState(null, "", addressOf(id));
    showName(id);
  }
  const retry = () => void show(id);
  const takesFocus = isFocusFree();
  switch (outcome.kind) {
    case "found":
      rememberId(id);
      present("found", () => foundView(id, outcome.text), takesFocus);
      break;
    case "unknown":
      present("unknown", () => [unknownView(id, language, retry), language.words.unknown.spoken], takesFocus);
      break;
    case "malformed":
      presentMalformed(id, () => language.words.malformed.undecodable);
      break;
    default:
      present("unavailable", () => unavailable(id, outcome.because, retry), takesFocus);
  }
}

function foundView(id, text) {
  return [orderView(id, text, language, liveParts(language)), language.words.order.spoken(id)];
}

function unavailable(id, because, retry) {
  const spoken = language.words.unavailable.spoken(whyUnavailable(because, language));
  return [unavailableView(id, because, language, retry), spoken];
}

function presentMalformed(id, why) {
  const describe = () => [malformedView(id, why(), language), language.words.malformed.spoken(why())];
  present("malformed", describe, isFocusFree());
}

/** Whether nothing has the focus, or something that stands where the answer stands, and so will be gone. */
function isFocusFree() {
  return document.activeElement === document.body || result.contains(document.activeElement);
}

/** @param {() => [object, string]} describe what is seen, and what is said, in the language of the moment */
function present(state, describe, takesFocus = false) {
  presentAgain = () => {
    const [view, spoken] = describe();
    result.replaceChildren(render(view));
    status.textContent = spoken;
  };
  result.dataset.state = state;
  result.setAttribute("aria-busy", String(state === "loading"));
  presentAgain();
  if (takesFocus) result.querySelector("h2")?.focus();
}

/** What only a script can do for an order. */
function liveParts(language) {
  return {
    copyButton: (label, text) => copyButton(label, text, language),
    foldedJson: (summary, text) => fold({ class: "raw" }, summary, () => [jsonView(text)]),
    moreRows,
  };
}

/** Gives the page's own words in the language, and a button for each other one. */
function speak() {
  const { tag, words } = language;
  document.documentElement.lang = tag;
  for (const worded of document.querySelectorAll("[data-words]")) {
    worded.textContent = words[worded.dataset.words];
  }
  const others = languageTags.filter((each) => each !== tag).map((each) => createLanguage(each, navigator.languages));
  document.getElementById("languages").replaceChildren(...others.map(languageButton).map(render));
}

function languageButton(other) {
  const choose = () => {
    rememberLanguage(other.tag);
    language = other;
    const id = new URLSearchParams(location.search).get("order") ?? "";
    // A language that the address names would come back with a reload.
    history.replaceState(null, "", addressOf(id));
    speak();
    showTitle(id);
    presentAgain();
    document.querySelector("#languages button").focus();
  };
  const attributes = { type: "button", class: "small-button", lang: other.tag, onclick: choose };
  return element("button", attributes, other.words.itself);
}
