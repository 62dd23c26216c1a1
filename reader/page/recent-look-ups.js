import { element } from "./tree.js";

const KEY = "orders.recent";
const MOST = 8;

/** Ids that were found in this browser, the last first. They are kept here only; where nothing may be kept, none are. */
export function recentIds() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function rememberId(id) {
  keep([id, ...recentIds().filter((each) => each !== id)]);
}

function forgetId(id) {
  keep(recentIds().filter((each) => each !== id));
}

function keep(ids) {
  try {
    if (ids.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(ids.slice(0, MOST)));
  } catch {
    // A browser that keeps nothing loses a convenience.
  }
}

/** The ids as links, each with a button that forgets it. @param {(index: number) => void} changed called with the place of the first one that was forgotten */
export function recentView({ words }, changed) {
  const ids = recentIds();
  if (ids.length === 0) return undefined;
  const forget = (some, index) => () => {
    for (const id of some) forgetId(id);
    changed(index);
  };
  const rows = ids.map((id, index) =>
    element(
      "li",
      {},
      element("a", { class: "id", href: `?order=${encodeURIComponent(id)}` }, element("bdi", {}, id)),
      element(
        "button",
        { type: "button", class: "forget", "aria-label": words.forget(id), onclick: forget([id], index) },
        "×",
      ),
    ),
  );
  return element(
    "section",
    { class: "recent", "aria-labelledby": "recent-title" },
    element("h2", { id: "recent-title" }, words.recent),
    element("ul", {}, ...rows),
    element(
      "button",
      { type: "button", class: "small-button", id: "forget-all", onclick: forget(ids, 0) },
      words.forgetAll,
    ),
  );
}
