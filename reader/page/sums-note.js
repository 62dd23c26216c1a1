import { sumOf } from "./format.js";
import { element } from "./tree.js";

/** Says quietly where an order's sums do not add up; undefined where they do, or where there are none to add. */
export function sumsNote(payment, items, { words, format }) {
  const { amount, goods_total: goods, delivery_cost: delivery, custom_fee: fee, currency } = payment;
  const money = (value) => format.money(value, currency);
  const ofItems = sumOf(items.map((item) => item.total_price));
  const ofPayment = sumOf([goods, delivery, fee]);
  const notes = [
    differs(goods, ofItems) ? words.order.goodsDiffer(money(goods), money(ofItems)) : undefined,
    differs(amount, ofPayment) ? words.order.paidDiffers(money(amount), money(ofPayment)) : undefined,
  ].filter((note) => note !== undefined);
  if (notes.length === 0) return undefined;
  return element("p", { class: "note", "data-field": "sums" }, notes.join(" "));
}

function differs(published, sum) {
  return Number.isSafeInteger(published) && sum !== undefined && BigInt(published) !== sum;
}
