import { judge } from "../../ingestor/judge";
import { generateOrder, generateOrders } from "./generate-order";

interface Order {
  readonly order_uid: string;
  readonly track_number: string;
  readonly locale: string;
  readonly delivery: { readonly name: string };
  readonly payment: Record<"amount" | "goods_total" | "delivery_cost" | "custom_fee", number> & { transaction: string };
  readonly items: readonly (Record<"price" | "sale" | "total_price", number> & { readonly track_number: string })[];
}

const thousand = [...generateOrders({ count: 1_000, seed: 7 })];
const orders = thousand.map(({ bytes }) => JSON.parse(bytes.toString()) as Order);

test("the same seed gives the same bytes, also after other orders were made", () => {
  const again = [...generateOrders({ count: 1_000, seed: 7 })];
  expect(again.map(({ bytes }) => bytes.toString())).toEqual(thousand.map(({ bytes }) => bytes.toString()));
  expect(generateOrder(7, 3).bytes).toEqual(thousand[3]?.bytes);
});

test("two sequences that are made side by side do not disturb each other", () => {
  const [one, other] = [generateOrders({ count: 3, seed: 7 }), generateOrders({ count: 3, seed: 8 })];
  const mixed = [one.next(), other.next(), one.next(), other.next(), one.next()];
  expect(mixed[4]?.value?.bytes).toEqual(thousand[2]?.bytes);
});

test("the bytes of a seed are those of every other day and machine", () => {
  expect(thousand[0]?.id).toBe("19b6554daa8a89aac1ab");
  expect(orders[0]?.delivery.name).toBe("Harold Larson");
});

test("no id comes twice, neither under one seed nor under neighbouring ones", () => {
  const ids = new Set<string>();
  for (let seed = 0; seed < 20; seed++) for (const { id } of generateOrders({ count: 1_000, seed })) ids.add(id);
  expect(ids.size).toBe(20_000);
});

test("every generated order is one that the ingestor accepts under its id", () => {
  for (const { id, bytes } of thousand) expect(judge(bytes)).toMatchObject({ kind: "accepted", id });
});

test("totals add up, and the parts of an order name each other", () => {
  for (const { order_uid, track_number, payment, items } of orders) {
    for (const item of items) {
      expect(item.total_price).toBe(Math.round((item.price * (100 - item.sale)) / 100));
      expect(item.track_number).toBe(track_number);
    }
    expect(payment.goods_total).toBe(items.reduce((sum, item) => sum + item.total_price, 0));
    expect(payment.amount).toBe(payment.goods_total + payment.delivery_cost + payment.custom_fee);
    expect(payment.transaction).toBe(order_uid);
  }
});

test("orders are Russian and English, half and half, of one to five items and about 1.3 KB", () => {
  const russian = orders.filter(({ locale }) => locale === "ru");
  expect(russian.length).toBeGreaterThan(400);
  expect(russian.length).toBeLessThan(600);
  for (const { delivery } of russian) expect(delivery.name).toMatch(/^[А-ЯЁа-яё -]+$/);
  expect(new Set(orders.map(({ items }) => items.length))).toEqual(new Set([1, 2, 3, 4, 5]));
  const bytes = thousand.reduce((sum, order) => sum + order.bytes.length, 0) / thousand.length;
  expect(bytes).toBeGreaterThan(1_200);
  expect(bytes).toBeLessThan(1_450);
});
