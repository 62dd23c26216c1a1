import { judge } from "../../ingestor/judge";
import { type BrokenKind, breakOrder, breakSome, brokenKinds, isBroken } from "./broken-records";
import { generateOrder, generateOrders } from "./generate-order";

/** Why the ingestor refuses each kind, and the words in which it says so. */
const refusals: Record<BrokenKind, [reason: string, error: RegExp]> = {
  "not-json": ["deserialize", /not JSON/],
  array: ["schema", /^\/ must be object/],
  empty: ["deserialize", /empty/],
  null: ["deserialize", /tombstone/],
  "invalid-utf8": ["deserialize", /not UTF-8/],
  "nul-character": ["schema", /u0000/],
  "missing-field": ["schema", /required property/],
  "wrong-type": ["schema", /must /],
  "duplicate-key": ["schema", /twice/],
  "nested-arrays": ["schema", /nested 10001 deep/],
};

test.each(brokenKinds)("a record broken as %s is refused for that and for nothing else", (kind) => {
  const [reason, error] = refusals[kind];
  for (let variant = 0; variant < 60; variant++) {
    const order = generateOrder(1, variant);
    const broken = breakOrder(order, kind, variant);
    expect(broken).toMatchObject({ kind, id: order.id });
    const verdict = judge(broken.bytes);
    if (verdict.kind !== "rejected") throw new Error(`accepted: ${broken.bytes}`);
    expect(verdict.reason).toBe(reason);
    expect(verdict.errors).toEqual([expect.stringMatching(error)]);
  }
});

test("a share of the orders is broken, exactly, every kind in its turn", () => {
  const records = [...breakSome(generateOrders({ count: 1_000, seed: 5 }), { share: 0.1, seed: 5 })];
  const kinds = records.filter(isBroken).map(({ kind }) => kind);
  expect(kinds).toHaveLength(100);
  for (const kind of brokenKinds) expect(kinds.filter((found) => found === kind)).toHaveLength(10);
});

test("the same seed breaks the same orders in the same way, and leaves the others as they are", () => {
  const wish = { share: 0.29, seed: 11 };
  const records = [...breakSome(generateOrders({ count: 300, seed: 11 }), wish)];
  expect([...breakSome(generateOrders({ count: 300, seed: 11 }), wish)]).toEqual(records);
  expect(records.filter(isBroken)).toHaveLength(87);
  const orders = [...generateOrders({ count: 300, seed: 11 })];
  expect(records.map(({ id }) => id)).toEqual(orders.map(({ id }) => id));
  for (const [at, record] of records.entries()) if (!isBroken(record)) expect(record).toEqual(orders[at]);
});

test.each([
  [0, 0],
  [1, 100],
  // As doubles, 0.29 * 100 is below 29.
  [0.29, 29],
])("a share of %d breaks %d of 100, whatever the seed", (share, count) => {
  for (const seed of [0, 2, 96, 97, Number.MAX_SAFE_INTEGER]) {
    const records = [...breakSome(generateOrders({ count: 100, seed }), { share, seed })];
    expect(records.filter(isBroken)).toHaveLength(count);
  }
});
