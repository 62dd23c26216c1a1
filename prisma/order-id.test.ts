import { isPossibleOrderId } from "./order-id";

const possible = [
  "b563feb7b2b84b6test",
  "...",
  " ",
  "заказ/1?#%",
  "a\u00a0b",
  "e\u0301",
  "'; --",
  "x".repeat(128),
  "🛒".repeat(128),
];

test.each(possible)("an order may have the id %j", (id) => {
  expect(isPossibleOrderId(id)).toBe(true);
});

const impossible = [
  "",
  ".",
  "..",
  "a\u0000b",
  "a\nb",
  "\u007f",
  "\u0085",
  "\ud800",
  "a\udc00",
  "x".repeat(129),
  "🛒".repeat(129),
  "x".repeat(100_000),
];

test.each(impossible)("no order can have the id %j", (id) => {
  expect(isPossibleOrderId(id)).toBe(false);
});
