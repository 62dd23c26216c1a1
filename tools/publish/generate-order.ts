import { hash } from "node:crypto";
import { SeededRandom } from "./seeded-random";
import { type Product, type Shop, shops } from "./shop";

/** An order as a producer would publish it: its id, and its JSON as the bytes of a record's value. */
export interface GeneratedOrder {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * Realistic orders, Russian and English, of 1 to 5 items whose totals add up; about 1.3 KB each.
 *
 * The same seed gives the same bytes, and the n-th order does not depend on the count. No id comes twice, neither in
 * one run nor under two seeds. Nothing is kept: any count may be iterated, also `Infinity`.
 *
 * @param seed a whole number from 0 to 2^53-1
 */
export function* generateOrders(wish: { readonly count: number; readonly seed: number }): Generator<GeneratedOrder> {
  for (let index = 0; index < wish.count; index++) yield generateOrder(wish.seed, index);
}

const random = new SeededRandom();

/** The order at this index, from 0, of the sequence that belongs to the seed. */
export function generateOrder(seed: number, index: number): GeneratedOrder {
  const digest = hash("sha256", `${seed}/${index}`, "buffer");
  // 80 bits of a hash: among a thousand million orders of any seeds, one chance in two million that two share an id.
  const id = digest.toString("hex", 0, 10);
  random.restart(digest.subarray(16));
  return { id, bytes: Buffer.from(JSON.stringify(orderOf(id, random.pick(shops)))) };
}

/** Fields in the order of the example, because people compare the two. */
function orderOf(id: string, shop: Shop): object {
  const trackNumber = `WBIL${random.text(10, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")}`;
  const createdAt = random.integer(CREATED_FROM, CREATED_TO);
  const items = Array.from({ length: random.integer(1, 5) }, () => itemOf(random.pick(shop.products), trackNumber));
  const customer = random.pick(shop.customers);
  const goodsTotal = items.reduce((total, item) => total + item.total_price, 0);
  const deliveryCost = random.pick(shop.deliveryCosts);
  const customFee = random.next() < 0.1 ? Math.round(goodsTotal * 0.05) : 0;
  return {
    order_uid: id,
    track_number: trackNumber,
    entry: "WBIL",
    delivery: customer.delivery,
    payment: {
      transaction: id,
      request_id: "",
      currency: shop.currency,
      provider: "wbpay",
      amount: goodsTotal + deliveryCost + customFee,
      payment_dt: createdAt - random.integer(1, 90),
      bank: random.pick(shop.banks),
      delivery_cost: deliveryCost,
      goods_total: goodsTotal,
      custom_fee: customFee,
    },
    items,
    locale: shop.locale,
    internal_signature: "",
    customer_id: customer.id,
    delivery_service: random.pick(shop.carriers),
    shardkey: String(random.integer(0, 9)),
    sm_id: random.integer(1, 99),
    date_created: `${new Date(createdAt * 1000).toISOString().slice(0, 19)}Z`,
    oof_shard: String(random.integer(1, 2)),
  };
}

/** Seconds since 1970. Fixed, not "the last years", because the same seed must give the same bytes next year. */
const CREATED_FROM = Date.UTC(2021, 0) / 1000;
const CREATED_TO = Date.UTC(2026, 0) / 1000;

function itemOf(product: Product, trackNumber: string) {
  const sale = random.pick([0, 0, 0, 10, 15, 30, 50]);
  return {
    chrt_id: random.integer(1_000_000, 9_999_999),
    track_number: trackNumber,
    price: product.price,
    rid: random.text(20, "0123456789abcdef"),
    name: product.name,
    sale,
    size: product.size,
    total_price: Math.round((product.price * (100 - sale)) / 100),
    nm_id: product.nmId,
    brand: product.brand,
    status: 202,
  };
}
