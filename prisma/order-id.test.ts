import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
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

test("the page, which asks for nothing when the field is empty, has the same rule", () => {
  const source = readFileSync(join(projectRoot(), "reader/page/order-id.js"), "utf8").replace(
    "export function",
    "return function",
  );
  const whyNoOrderId = new Function(source)() as (id: string) => string | undefined;
  for (const id of possible) expect([id, whyNoOrderId(id)]).toEqual([id, undefined]);
  for (const id of impossible.filter((each) => each !== ""))
    expect([id, whyNoOrderId(id)]).toEqual([id, expect.any(String)]);
});
