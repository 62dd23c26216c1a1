import { asText, NOTHING, sumOf } from "./format.js";
import { element } from "./tree.js";

const COLUMNS = [
  { name: "name", cell: itemName },
  { name: "size", cell: (item) => asText(item.size) },
  { name: "status", cell: statusOf },
  { name: "price", isNumber: true, cell: (item, currency, { format }) => format.money(item.price, currency) },
  { name: "sale", isNumber: true, cell: (item, _, { format }) => format.percent(item.sale) },
  {
    name: "total_price",
    isNumber: true,
    cell: (item, currency, { format }) => format.money(item.total_price, currency),
  },
];

/** Shown at once where the others can be asked for: an order may have thousands, and nobody should wait for those. */
const FIRST = 200;

/**
 * The items of an order: a table, or on a phone a card each. Roles are given because the narrow layout makes these
 * elements no table in the eyes of CSS, and so of screen readers.
 *
 * @param {Function} [moreRows] as in more-rows.js; left out where no script runs, and all are shown
 */
export function itemsSection(items, currency, language, moreRows) {
  const { words, format } = language;
  const labels = words.order.columns;
  const head = COLUMNS.map(({ name, isNumber }) =>
    element("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : undefined }, labels[name]),
  );
  const rowsOf = (from, to) =>
    items
      .slice(from, to)
      .map((item, index) =>
        element(
          "tr",
          { role: "row", "data-item": String(from + index) },
          ...cellsOf(item, from + index, currency, language),
        ),
      );
  const shown = moreRows ? Math.min(FIRST, items.length) : items.length;
  const sum = sumOf(items.map((item) => item.total_price));
  const foot = element(
    "tr",
    { role: "row" },
    element("th", { scope: "row", role: "rowheader", colspan: String(COLUMNS.length - 1) }, words.order.together),
    element(
      "td",
      { role: "cell", class: "number", "data-field": "items.sum" },
      sum === undefined ? NOTHING : format.money(sum, currency),
    ),
  );
  const table = element(
    "table",
    { role: "table", "aria-labelledby": "items-title" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...rowsOf(0, shown)),
    element("tfoot", { role: "rowgroup" }, foot),
  );
  const count = element("span", { class: "quiet" }, format.number(items.length));
  const title = element("h3", { id: "items-title" }, words.order.items, " ", count);
  // Focusable, because a table that is too wide is scrolled by keys, too.
  const scroll = { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "items-title" };
  const more = shown < items.length ? moreRows(rowsOf, shown, items.length, language) : undefined;
  return element("section", { class: "items" }, title, element("div", scroll, table), more);
}

function cellsOf(item, index, currency, language) {
  return COLUMNS.map(({ name, isNumber, cell }) =>
    element(
      "td",
      {
        role: "cell",
        "data-label": language.words.order.columns[name],
        class: isNumber ? "number" : undefined,
        "data-field": name === "name" ? undefined : `items.${index}.${name}`,
        dir: isNumber ? undefined : "auto",
      },
      cell(item, currency, language, index),
    ),
  );
}

/** In words where they are known, but never without the number. */
function statusOf(item, _currency, { words }) {
  const { statuses } = words.order;
  const status = asText(item.status);
  return Object.hasOwn(statuses, status) ? `${statuses[status]} (${status})` : status;
}

function itemName(item, _currency, { words }, index) {
  const field = (name) => `items.${index}.${name}`;
  const number = (name) => `${words.order.numbers[name]} ${asText(item[name])}`;
  return element(
    "div",
    {},
    element("div", { class: "item-name", "data-field": field("name"), dir: "auto" }, asText(item.name)),
    element("div", { class: "quiet", "data-field": field("brand"), dir: "auto" }, asText(item.brand)),
    element("div", { class: "quiet small" }, [number("nm_id"), number("chrt_id"), asText(item.rid)].join(" · ")),
  );
}
