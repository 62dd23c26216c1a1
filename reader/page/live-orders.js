import { render } from "./dom.js";
import { element } from "./tree.js";

const SHOWN = 10;

/** A browser connects again by itself, but for a reader that has refused it: too many watch, or it is not ready. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** Where the orders that arrive will stand; hidden as long as there is none. */
export function liveSection({ words }) {
  return element(
    "section",
    { class: "live", id: "live", "aria-labelledby": "live-title", hidden: "" },
    element("h2", { id: "live-title" }, words.live),
    element("ul", {}),
  );
}

/**
 * Shows the latest orders as they arrive, while somebody sees the page. Where they cannot be watched, nothing is shown,
 * and it is tried again, ever more seldom; where watching is switched off, not again.
 *
 * @param {Element} section what liveSection describes
 * @param {AbortSignal} signal ends it
 */
export function showLive(section, language, signal) {
  let source;
  let last = 0;
  let wait = FIRST_WAIT_MS;
  let timer;
  const close = () => {
    clearTimeout(timer);
    source?.close();
  };
  const follow = () => {
    close();
    if (document.hidden || signal.aborted) return;
    source = new EventSource(`/recent?after=${last}`);
    source.addEventListener("open", () => {
      wait = FIRST_WAIT_MS;
    });
    source.addEventListener("error", async ({ target }) => {
      if (target !== source || source.readyState !== EventSource.CLOSED) return;
      if ((await isSwitchedOff()) || target !== source || document.hidden || signal.aborted) return;
      // Not all at the same moment, where a reader has refused many.
      timer = setTimeout(follow, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
    source.addEventListener("order", ({ data, lastEventId }) => {
      last = Number(lastEventId);
      showOrder(section, JSON.parse(data), language);
    });
  };
  document.addEventListener("visibilitychange", follow, { signal });
  signal.addEventListener("abort", close);
  follow();
}

/** An EventSource does not say how it was refused. */
async function isSwitchedOff() {
  const asked = new AbortController();
  const status = await fetch("/recent", { signal: asked.signal }).then(
    (answer) => answer.status,
    () => 0,
  );
  asked.abort();
  return status === 404;
}

function showOrder(section, { id, at, amount, currency }, { words, format }) {
  const list = section.querySelector("ul");
  // A reader that was started anew tells again what it told before.
  for (const row of list.children) if (row.dataset.id === id) row.remove();
  const row = element(
    "li",
    { "data-id": id },
    element("a", { class: "id", href: `?order=${encodeURIComponent(id)}` }, element("bdi", {}, id)),
    element("span", { class: "number" }, format.money(BigInt(amount), currency)),
    // When it arrived is known of those alone that were seen arriving.
    at
      ? element("time", { datetime: at, class: "quiet" }, format.clock(at))
      : element("span", { class: "quiet" }, words.earlier),
  );
  list.prepend(render(row));
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  section.hidden = false;
}
