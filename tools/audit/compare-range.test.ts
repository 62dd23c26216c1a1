import { judged, orderWithId } from "../../e2e/support/judged-records";
import type { JudgedRecord } from "../../ingestor/judged-record";
import { asKafkajsHeaders, encodeHeaders } from "../../runtime/kafka/headers";
import { compareRange, type DeadRow, digestOf, type StoredRow } from "./compare-range";

const place = { topic: "orders", epoch: 2, partition: 1 };
const headers = [
  { key: Buffer.from("a"), value: null },
  { key: Buffer.from("a"), value: Buffer.from([0, 255]) },
];
const good = judged(5, orderWithId("a"));
const bad = judged(7, Buffer.from("{"), { key: Buffer.from("k"), headers: asKafkajsHeaders(headers), timestamp: "9" });
const tombstone = judged(8, null);

const digest = (bytes: Buffer) => digestOf(bytes) ?? Buffer.alloc(0);
const stored: StoredRow = {
  ...{ offset: 5n, id: "a" },
  sha256: digest(orderWithId("a")),
  documentDigest: digest(orderWithId("a")),
};
const dead: DeadRow = {
  ...{ offset: 7n, lastOffset: 7n, recordCount: 1, reason: "deserialize", timestamp: 9n },
  keyDigest: digest(Buffer.from("k")),
  valueDigest: digest(Buffer.from("{")),
  headersDigest: digest(encodeHeaders(headers)),
};
const deadTombstone: DeadRow = {
  ...{ offset: 8n, lastOffset: 8n, recordCount: 1, reason: "deserialize", timestamp: 1_700_000_000_000n },
  ...{ keyDigest: null, valueDigest: null, headersDigest: digest(encodeHeaders([])) },
};

const differencesOf = (records: readonly JudgedRecord[], orders: readonly StoredRow[], rows: readonly DeadRow[]) =>
  compareRange(place, records, orders, rows).differences.map(({ kind, at, detail }) => [kind, at, detail]);

test("records and rows that say the same are counted and nothing else", () => {
  expect(compareRange(place, [good, bad, tombstone], [stored], [dead, deadTombstone])).toEqual({
    ...{ stored: 1, dead: 2, others: [], conflicts: [], differences: [] },
  });
});

test("a valid order without a row is handed on, for it may be a duplicate; any other record is lost", () => {
  const { others, differences } = compareRange(place, [good, bad], [], []);
  expect(others).toEqual([good]);
  expect(differences).toEqual([
    { kind: "lost", at: "orders:2:1:7", detail: "neither a valid order nor in the outbox" },
  ]);
});

test.each<[string, Partial<StoredRow>]>([
  ["document is not the record's value", { documentDigest: digest(orderWithId("b")) }],
  ["document is not the record's value", { documentDigest: digest(Buffer.alloc(0)), sha256: digest(Buffer.alloc(0)) }],
  ["sha256 is not its document's", { sha256: Buffer.alloc(32) }],
  ["id is not the document's order_uid", { id: "b" }],
])("an order whose %s is altered", (words, change) => {
  expect(differencesOf([good], [{ ...stored, ...change }], [])).toEqual([
    ["altered", "orders:2:1:5", expect.stringContaining(words)],
  ]);
});

test.each<[string, Partial<DeadRow>]>([
  ["key", { keyDigest: null }],
  ["value", { valueDigest: digest(Buffer.from("[")) }],
  ["headers", { headersDigest: digest(encodeHeaders(headers.toReversed())) }],
  ["timestamp", { timestamp: -1n }],
  ["range", { recordCount: 2 }],
  ["range", { offset: 6n }],
])("a row of the outbox with another %s is altered", (part, change) => {
  expect(differencesOf([bad], [], [{ ...dead, ...change }])).toEqual([
    ["altered", "orders:2:1:7", `the outbox has another ${part} than the record`],
  ]);
});

test("a reason that the judge does not give is told, one that only storing can give is believed", () => {
  const moved = { ...deadTombstone, offset: 5n, lastOffset: 5n, valueDigest: digest(orderWithId("a")) };
  const told = (record: JudgedRecord, row: DeadRow) => differencesOf([record], [], [row]).map(([, , detail]) => detail);
  expect(told(bad, { ...dead, reason: "schema" })).toEqual([
    "the outbox says schema, and it is a matter of deserialize",
  ]);
  expect(told(good, { ...moved, reason: "schema" })).toEqual([
    "the outbox says schema, and the record is a valid order",
  ]);
  for (const reason of ["unstorable", "crash", "conflict"]) expect(told(good, { ...moved, reason })).toEqual([]);
  expect(compareRange(place, [good], [], [{ ...moved, reason: "conflict" }]).conflicts).toEqual([good]);
});

test("an empty key is another one than none", () => {
  const empty = judged(8, null, { key: Buffer.alloc(0) });
  expect(differencesOf([empty], [], [deadTombstone])).toEqual([["altered", "orders:2:1:8", expect.any(String)]]);
});

test("a record that is stored and dead-lettered is told", () => {
  const both = { ...dead, offset: 5n, lastOffset: 5n };
  expect(differencesOf([good], [stored], [both])).toEqual([["twice", "orders:2:1:5", expect.any(String)]]);
});

test("rows without a record are told", () => {
  expect(differencesOf([], [stored], [dead])).toEqual([
    ["unfounded", "orders:2:1:5", expect.any(String)],
    ["unfounded", "orders:2:1:7", expect.any(String)],
  ]);
});

test("a batch that cannot be decoded fits the row of what lay behind the position in it", () => {
  const batch: JudgedRecord = { ...tombstone, offset: 4n, lastOffset: 8n, recordCount: 5 };
  const row = { ...deadTombstone, recordCount: 5 };
  for (const offset of [4n, 6n, 8n]) {
    expect(compareRange(place, [batch], [], [{ ...row, offset }])).toMatchObject({ dead: 5, differences: [] });
  }
  expect(differencesOf([batch], [], [{ ...row, offset: 3n }])).toHaveLength(1);
});
