import { element } from "./dom.js";
import { asMoney, asNumber, asPercent, asText, asTime, NOTHING, sumOf } from "./format.js";

/** Fields that have a place and a name; all others are shown under their own names, so that none is hidden. */
const TOP_NAMES = {
  customer_id: "Customer",
  entry: "Entry",
  locale: "Language",
  internal_signature: "Internal signature",
  shardkey: "Shard key",
  sm_id: "SM id",
  oof_shard: "OOF shard",
};
/** Fields at the top of an order that are about its delivery, and are shown with it. */
const SHIPPING_NAMES = { delivery_service: "Service", track_number: "Track number" };
const PLACED_AT_TOP = ["order_uid", "date_created", "delivery", "payment", "items", ...Object.keys(SHIPPING_NAMES)];
const DELIVERY_FIELDS = ["name", "address", "zip", "city", "region", "phone", "email"];
const PAYMENT_NAMES = { provider: "Provider", bank: "Bank", transaction: "Transaction", request_id: "Request" };
const PAYMENT_SUMS = { goods_total: "Goods", delivery_cost: "Delivery", custom_fee: "Customs fee" };
const PLACED_IN_PAYMENT = ["amount", "currency", "payment_dt", ...Object.keys(PAYMENT_SUMS)];

/**
 * An order as a document.
 *
 * @param {string} id as it was asked for
 * @param {string} text the published JSON
 */
export function orderView(id, text) {
  const order = parseObject(text);
  const view = element("article", { "aria-labelledby": "order-title" }, titleOf(id, order));
  if (order) {
    const delivery = asObject(order.delivery);
    const payment = asObject(order.payment);
    view.append(
      element("div", { class: "cards" }, deliveryCard(delivery, order), paymentCard(payment)),
      itemsSection(Array.isArray(order.items) ? order.items.map(asObject) : [], payment.currency),
      element("section", {}, element("h3", {}, "Details"), fieldList(order, "", TOP_NAMES, PLACED_AT_TOP)),
    );
  }
  view.append(element("details", { class: "raw" }, element("summary", {}, "As published (JSON)"), rawText(text)));
  return view;
}

function titleOf(id, order) {
  const created = asTime(order?.date_created);
  const encoded = encodeURIComponent(id);
  return element(
    "header",
    { class: "order-title" },
    element(
      "h2",
      { id: "order-title", tabindex: "-1" },
      "Order ",
      element("bdi", { class: "id", "data-field": "order_uid" }, id),
    ),
    element(
      "p",
      { class: "quiet" },
      "Created ",
      element("time", { datetime: created.machine, "data-field": "date_created" }, created.text),
      " · ",
      element("a", { href: `/?order=${encoded}`, id: "permalink" }, "Link to this order"),
      " · ",
      element("a", { href: `/orders/${encoded}` }, "JSON"),
    ),
  );
}

function deliveryCard(delivery, order) {
  const lines = [["name"], ["address"], ["zip", "city"], ["region"], ["phone"], ["email"]].map((fields) => {
    const parts = fields.map((name) => value(`delivery.${name}`, asText(delivery[name])));
    return element("div", {}, ...parts.flatMap((part, index) => (index > 0 ? [" ", part] : [part])));
  });
  return element(
    "section",
    { class: "card" },
    element("h3", {}, "Delivery"),
    element("address", {}, ...lines),
    fieldList(pick(order, Object.keys(SHIPPING_NAMES)), "", SHIPPING_NAMES, []),
    fieldList(delivery, "delivery.", {}, DELIVERY_FIELDS),
  );
}

function paymentCard(payment) {
  const paid = asTime(typeof payment.payment_dt === "number" ? payment.payment_dt * 1000 : Number.NaN);
  const sums = Object.entries(PAYMENT_SUMS).map(([name, label]) =>
    element("div", {}, element("dt", {}, label), moneyOf(`payment.${name}`, payment[name], payment.currency)),
  );
  const total = element(
    "div",
    { class: "total" },
    element("dt", {}, "Paid"),
    moneyOf("payment.amount", payment.amount, payment.currency),
  );
  return element(
    "section",
    { class: "card" },
    element("h3", {}, "Payment"),
    element("dl", { class: "sums" }, ...sums, total),
    element(
      "p",
      { class: "quiet" },
      element("time", { datetime: paid.machine, "data-field": "payment.payment_dt" }, paid.text),
      " · ",
      value("payment.currency", asText(payment.currency)),
    ),
    fieldList(payment, "payment.", PAYMENT_NAMES, PLACED_IN_PAYMENT),
  );
}

const COLUMNS = [
  { label: "Item", cell: (item, _, index) => itemName(item, index) },
  { label: "Size", name: "size", cell: (item) => asText(item.size) },
  { label: "Status", name: "status", cell: (item) => asText(item.status) },
  { label: "Price", name: "price", isNumber: true, cell: (item, currency) => asMoney(item.price, currency) },
  { label: "Discount", name: "sale", isNumber: true, cell: (item) => asPercent(item.sale) },
  {
    label: "Total",
    name: "total_price",
    isNumber: true,
    cell: (item, currency) => asMoney(item.total_price, currency),
  },
];

/** Roles are given because the narrow layout makes these elements no table in the eyes of CSS, and so of screen readers. */
function itemsSection(items, currency) {
  const head = COLUMNS.map(({ label, isNumber }) =>
    element("th", { scope: "col", role: "columnheader", class: isNumber ? "number" : undefined }, label),
  );
  const rows = items.map((item, index) =>
    element(
      "tr",
      { role: "row", "data-item": String(index) },
      ...COLUMNS.map(({ label, name, isNumber, cell }) =>
        element(
          "td",
          {
            role: "cell",
            "data-label": label,
            class: isNumber ? "number" : undefined,
            "data-field": name && `items.${index}.${name}`,
            dir: isNumber ? undefined : "auto",
          },
          cell(item, currency, index),
        ),
      ),
    ),
  );
  const sum = sumOf(items.map((item) => item.total_price));
  const foot = element(
    "tr",
    { role: "row" },
    element("th", { scope: "row", role: "rowheader", colspan: String(COLUMNS.length - 1) }, "Items together"),
    element(
      "td",
      { role: "cell", class: "number", "data-field": "items.sum" },
      sum === undefined ? NOTHING : asMoney(sum, currency),
    ),
  );
  const table = element(
    "table",
    { role: "table", "aria-labelledby": "items-title" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...rows),
    element("tfoot", { role: "rowgroup" }, foot),
  );
  const title = element(
    "h3",
    { id: "items-title" },
    "Items ",
    element("span", { class: "quiet" }, asNumber(items.length)),
  );
  return element("section", {}, title, element("div", { class: "scroll" }, table));
}

function itemName(item, index) {
  const field = (name) => `items.${index}.${name}`;
  const number = (name) => `${name === "nm_id" ? "NM" : "CHRT"} ${asText(item[name])}`;
  return element(
    "div",
    {},
    element("div", { class: "item-name", "data-field": field("name"), dir: "auto" }, asText(item.name)),
    element("div", { class: "quiet", "data-field": field("brand"), dir: "auto" }, asText(item.brand)),
    element("div", { class: "quiet small" }, [number("nm_id"), number("chrt_id"), asText(item.rid)].join(" · ")),
  );
}

/** The fields of an object that have no other place, those with a name first. */
function fieldList(object, prefix, names, placed) {
  const unnamed = Object.keys(object).filter((key) => !Object.hasOwn(names, key) && !placed.includes(key));
  const fields = [...Object.entries(names), ...unnamed.map((key) => [key, key])];
  return element(
    "dl",
    { class: "fields" },
    ...fields.map(([key, label]) =>
      element(
        "div",
        {},
        element("dt", { dir: "auto" }, label),
        element("dd", { "data-field": `${prefix}${key}`, dir: "auto" }, asText(object[key])),
      ),
    ),
  );
}

function moneyOf(field, amount, currency) {
  return element("dd", { "data-field": field, class: "number" }, asMoney(amount, currency));
}

/** A text of the order amid others: of whatever direction, it does not turn its neighbours. */
function value(field, text) {
  return element("bdi", { "data-field": field }, text);
}

function rawText(text) {
  return element("pre", { "data-field": "raw", tabindex: "0", dir: "ltr" }, text);
}

function parseObject(text) {
  try {
    const parsed = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function pick(object, keys) {
  return Object.fromEntries(keys.map((key) => [key, object[key]]));
}

function asObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
