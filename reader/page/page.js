/**
 * The page: the address names an order, the page shows it. Typing changes the address, and Back and Forward do.
 *
 * `idle` (no id in the address) · `loading` → `found` | `unknown` | `malformed` | `unavailable`; the last can be tried
 * again. A new address in any state gives up what is being looked up. The state stands in #result's data-state.
 */
import { lookUp } from "./look-up.js";
import { idleView, loadingView, malformedView, unavailableView, unknownView } from "./message-view.js";
import { whyNoOrderId } from "./order-id.js";
import { orderView } from "./order-view.js";

const form = document.getElementById("search");
const input = document.getElementById("order-id");
const result = document.getElementById("result");
const status = document.getElementById("status");

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
showAddress();

function goTo(id) {
  const address = id === "" ? "/" : `/?order=${encodeURIComponent(id)}`;
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  showAddress();
}

function showAddress() {
  const id = new URLSearchParams(location.search).get("order") ?? "";
  if (input.value !== id) input.value = id;
  document.title = id === "" ? "Orders" : `${id} · Orders`;
  void show(id);
}

/** @param {boolean} takesFocus after a press on a button that is gone then */
async function show(id, takesFocus = false) {
  current.abort();
  if (id === "") {
    present("idle", idleView(), "");
    input.focus();
    return;
  }
  const problem = whyNoOrderId(id);
  if (problem) {
    present("malformed", malformedView(id, problem), `Not a valid id. ${problem}`);
    return;
  }
  current = new AbortController();
  const { signal } = current;
  present("loading", loadingView(id), "");
  const outcome = await lookUp(id, signal).catch(() => undefined);
  // Another look-up has begun meanwhile, and the page is its.
  if (!outcome || signal.aborted) return;
  presentOutcome(id, outcome);
  if (takesFocus) result.querySelector("h2")?.focus();
}

function presentOutcome(id, outcome) {
  const retry = () => void show(id, true);
  switch (outcome.kind) {
    case "found":
      present("found", orderView(id, outcome.text), `Order ${id} is shown.`);
      break;
    case "unknown":
      present("unknown", unknownView(id, retry), "There is no such order.");
      break;
    case "malformed":
      present("malformed", malformedView(id, "The service cannot read it."), "Not a valid id.");
      break;
    default:
      present("unavailable", unavailableView(id, outcome.because, retry), `Cannot be reached now. ${outcome.because}`);
  }
}

function present(state, view, spoken) {
  result.dataset.state = state;
  result.setAttribute("aria-busy", String(state === "loading"));
  result.replaceChildren(view);
  status.textContent = spoken;
}
