import { asText } from "./format.js";
import { itemsSection } from "./items-view.js";
import { sumsNote } from "./sums-note.js";
import { element } from "./tree.js";

/** Fields that have a place; all others are shown under their own names, so that none is hidden. */
const AT_TOP = ["customer_id", "entry", "locale", "internal_signature", "shardkey", "sm_id", "oof_shard"];
/** Fields at the top of an order that are about its delivery, and are shown with it. */
const SHIPPING = ["delivery_service", "track_number"];
const PLACED_AT_TOP = ["order_uid", "date_created", "delivery", "payment", "items", ...SHIPPING];
const DELIVERY_LINES = [["name"], ["address"], ["zip", "city"], ["region"], ["phone"], ["email"]];
const PAYMENT = ["provider", "bank", "transaction", "request_id"];
const PAYMENT_SUMS = ["goods_total", "delivery_cost", "custom_fee"];
const PLACED_IN_PAYMENT = ["amount", "currency", "payment_dt", ...PAYMENT_SUMS];

/**
 * An order as a document.
 *
 * @param {string} id as it was asked for
 * @param {string} text the published JSON
 * @param language as createLanguage makes it
 * @param {{ copyButton: Function, foldedJson: Function, moreRows: Function }} [live] what only a script can do; left out
 *   where none runs
 */
export function orderView(id, text, language, { copyButton, foldedJson = foldedText, moreRows } = {}) {
  const { words } = language;
  const order = parseObject(text);
  const parts = order ? partsOf(order, language, moreRows) : [];
  return element(
    "article",
    { "aria-labelledby": "order-title" },
    titleOf(id, text, order, language, copyButton),
    ...parts,
    (order ? foldedJson : foldedText)(element("summary", {}, words.order.raw), text),
  );
}

function foldedText(summary, text) {
  const raw = element("pre", { "data-field": "raw", tabindex: "0", dir: "ltr" }, text);
  return element("details", { class: "raw" }, summary, raw);
}

function partsOf(order, language, moreRows) {
  const { words } = language;
  const delivery = asObject(order.delivery);
  const payment = asObject(order.payment);
  const items = Array.isArray(order.items) ? order.items.map(asObject) : [];
  return [
    element("div", { class: "cards" }, deliveryCard(delivery, order, language), paymentCard(payment, items, language)),
    itemsSection(items, payment.currency, language, moreRows),
    element(
      "section",
      {},
      element("h3", {}, words.order.details),
      fieldList(order, "", AT_TOP, PLACED_AT_TOP, language),
    ),
  ];
}

function titleOf(id, text, order, { words, format }, copyButton) {
  const created = format.time(order?.date_created);
  const query = `?order=${encodeURIComponent(id)}`;
  const uid = element("bdi", { class: "id", "data-field": "order_uid" }, id);
  const time = element("time", { datetime: created.machine, "data-field": "date_created" }, created.text);
  const links = [
    element("a", { href: query, id: "permalink" }, words.order.link),
    element("a", { href: `/orders/${encodeURIComponent(id)}` }, words.order.json),
    copyButton?.(words.order.copyId, id),
    copyButton?.(words.order.copyJson, text),
  ];
  return element(
    "header",
    { class: "order-title" },
    element("h2", { id: "order-title", tabindex: "-1" }, ...words.order.title(uid)),
    element("p", { class: "quiet" }, ...words.order.created(time)),
    element("p", { class: "actions" }, ...links),
  );
}

function deliveryCard(delivery, order, language) {
  const lines = DELIVERY_LINES.map((fields) => {
    const parts = fields.map((name) => value(`delivery.${name}`, asText(delivery[name])));
    return element("div", {}, ...parts.flatMap((part, index) => (index > 0 ? [" ", part] : [part])));
  });
  return element(
    "section",
    { class: "card" },
    element("h3", {}, language.words.order.delivery),
    element("address", {}, ...lines),
    fieldList(pick(order, SHIPPING), "", SHIPPING, [], language),
    fieldList(delivery, "delivery.", [], DELIVERY_LINES.flat(), language),
  );
}

function paymentCard(payment, items, language) {
  const { words, format } = language;
  const { amount, currency, payment_dt: paidAt } = payment;
  const paid = format.time(typeof paidAt === "number" ? paidAt * 1000 : Number.NaN);
  const line = (name, label, isTotal) =>
    element(
      "div",
      { class: isTotal ? "total" : undefined },
      element("dt", {}, label),
      element("dd", { "data-field": `payment.${name}`, class: "number" }, format.money(payment[name], currency)),
    );
  const sums = PAYMENT_SUMS.map((name) => line(name, words.order.fields[name], false));
  return element(
    "section",
    { class: "card" },
    element("h3", {}, words.order.payment),
    element("dl", { class: "sums" }, ...sums, line("amount", words.order.paid, true)),
    element(
      "p",
      { class: "quiet" },
      element("time", { datetime: paid.machine, "data-field": "payment.payment_dt" }, paid.text),
      " · ",
      value("payment.currency", asText(currency)),
    ),
    sumsNote({ ...payment, amount }, items, language),
    fieldList(payment, "payment.", PAYMENT, PLACED_IN_PAYMENT, language),
  );
}

/** The fields of an object that have no other place, those that the page has a name for first. */
function fieldList(object, prefix, named, placed, { words }) {
  const unnamed = Object.keys(object).filter((key) => !named.includes(key) && !placed.includes(key));
  const fields = [...named.map((key) => [key, words.order.fields[key]]), ...unnamed.map((key) => [key, key])];
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

/** A text of the order amid others: of whatever direction, it does not turn its neighbours. */
function value(field, text) {
  return element("bdi", { "data-field": field }, text);
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
