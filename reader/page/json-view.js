import { fold } from "./fold.js";
import { outlineOf } from "./json-outline.js";
import { element } from "./tree.js";

/** More members than this are folded together in parts of so many, which a browser shows at once. */
const PART = 100;
/** What has no more members than this in all is unfolded as a whole. */
const UNFOLDED = 200;

/**
 * JSON that can be folded, each part of it as it stands in the text. Each fold is filled when it is first opened: an
 * order may have ten thousand items.
 *
 * @param {string} text JSON
 */
export function jsonView(text) {
  const root = outlineOf(text);
  const isSmall = countOf(root, UNFOLDED) <= UNFOLDED;
  // A group of its own that can be scrolled, by keys too.
  const attributes = { class: "json", "data-field": "raw", tabindex: "0", dir: "ltr" };
  return element("div", attributes, lineOf({ value: root }, "", isSmall ? Number.POSITIVE_INFINITY : 1));
}

/** @param {number} depth how many levels are unfolded */
function lineOf({ key, value }, comma, depth) {
  const name = key === undefined ? [] : [element("span", { class: "key" }, key), ": "];
  if (!value.members) return element("div", { class: "leaf" }, ...name, value.text + comma);
  const { open, close, members } = value;
  if (members.length === 0) return element("div", { class: "leaf" }, ...name, open + close + comma);
  const folded = `… ${close}${comma} ${members.length}`;
  const summary = element("summary", { "data-folded": folded }, ...name, open);
  const end = element("div", { class: "leaf" }, close + comma);
  const content = () => [element("div", { class: "within" }, ...linesOf(members, depth - 1)), end];
  return depth > 0 ? element("details", { open: "" }, summary, ...content()) : fold({}, summary, content);
}

function linesOf(members, depth) {
  const last = members.length - 1;
  const line = (member, index) => lineOf(member, index < last ? "," : "", depth);
  if (members.length <= PART) return members.map(line);
  return Array.from({ length: Math.ceil(members.length / PART) }, (_, part) => {
    const [from, to] = [part * PART, Math.min((part + 1) * PART, members.length)];
    const range = `${from} … ${to - 1}`;
    const summary = element("summary", { "data-range": range, "aria-label": range });
    return fold({}, summary, () => members.slice(from, to).map((member, index) => line(member, from + index)));
  });
}

/** How many members there are in all, or some number above the limit. */
function countOf({ members = [] }, limit) {
  let count = members.length;
  for (const { value } of members) if (count <= limit) count += countOf(value, limit - count);
  return count;
}
