/**
 * The page: the address names an order, the page shows it. Typing changes the address, and Back and Forward do.
 *
 * `idle` (no id in the address) · `loading` → `found` | `unknown` | `malformed` | `unavailable`; the last can be tried
 * again, and an unknown one is looked for again and again while somebody sees it. A new address in any state gives up
 * what is being looked up. The state stands in #result's data-state.
 */
import { currentLanguage, rememberLanguage } from "./chosen-language.js";
import { copyButton } from "./copy-button.js";
import { render } from "./dom.js";
import { keepLooking } from "./keep-looking.js";
import { createLanguage, languageTags } from "./language.js";
import { liveSection, showLive } from "./live-orders.js";
import { lookUp } from "./look-up.js";
import { idleView, loadingView, malformedView, unavailableView, unknownView, whyUnavailable } from "./message-view.js";
import { whyNoOrderId } from "./order-id.js";
import { orderView } from "./order-view.js";
import { recentView, rememberId } from "./recent-look-ups.js";
import { element } from "./tree.js";

const form = document.getElementById("search");
const input = document.getElementById("order-id");
const result = document.getElementById("result");
const status = document.getElementById("status");

let language = currentLanguage();
let current = new AbortController();

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
speak();
showAddress();

function goTo(id) {
  const address = id === "" ? "/" : `/?order=${encodeURIComponent(id)}`;
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  showAddress();
}

function showAddress() {
  const id = new URLSearchParams(location.search).get("order") ?? "";
  if (input.value !== id) input.value = id;
  document.title = id === "" ? language.words.title : language.words.titleOf(id);
  void show(id);
}

/** @param {boolean} takesFocus after a press on a button that is gone then */
async function show(id, takesFocus = false) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  if (id === "") {
    const recent = recentView(language, () => void show(""));
    present("idle", idleView(language, recent, liveSection(language)), "");
    showLive(document.getElementById("live"), language, signal);
    input.focus();
    return;
  }
  const problem = whyNoOrderId(id, language);
  if (problem) return presentMalformed(id, problem);
  present("loading", loadingView(id, language), "");
  const outcome = await lookUp(id, signal).catch(() => undefined);
  // Another look-up has begun meanwhile, and the page is its.
  if (!outcome || signal.aborted) return;
  presentOutcome(id, outcome);
  if (takesFocus) result.querySelector("h2")?.focus();
  if (outcome.kind !== "unknown") return;
  const arrived = await keepLooking(id, signal);
  if (arrived) presentOutcome(id, arrived);
}

function presentOutcome(id, outcome) {
  const { words } = language;
  const retry = () => void show(id, true);
  switch (outcome.kind) {
    case "found":
      rememberId(id);
      present("found", orderView(id, outcome.text, language, copyIn(language)), words.order.spoken(id));
      break;
    case "unknown":
      present("unknown", unknownView(id, language, retry), words.unknown.spoken);
      break;
    case "malformed":
      presentMalformed(id, words.malformed.undecodable);
      break;
    default: {
      const because = whyUnavailable(outcome.because, language);
      const view = unavailableView(id, outcome.because, language, retry);
      present("unavailable", view, words.unavailable.spoken(because));
    }
  }
}

function presentMalformed(id, because) {
  present("malformed", malformedView(id, because, language), language.words.malformed.spoken(because));
}

function present(state, view, spoken) {
  result.dataset.state = state;
  result.setAttribute("aria-busy", String(state === "loading"));
  result.replaceChildren(render(view));
  status.textContent = spoken;
}

function copyIn(language) {
  return (label, text) => copyButton(label, text, language);
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
    speak();
    showAddress();
  };
  const attributes = { type: "button", class: "small-button", lang: other.tag, onclick: choose };
  return element("button", attributes, other.words.itself);
}
