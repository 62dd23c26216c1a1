import { checkBooks, checkDelivery } from "./check-books";
import type { PartitionBooks } from "./ledger";

const counters = { nextOffset: 10n, received: 6n, stored: 3n, duplicate: 1n, dead: 2n, gap: 0n, lastRecord: undefined };
const books: PartitionBooks = { epoch: 1, partition: 0, counters, orders: 3n, dead: 2n, lastOffset: 9n };

test("counters that fit their rows are no difference", () => {
  expect(checkBooks("orders", [books])).toEqual([]);
});

test.each<[string, string, Partial<PartitionBooks>]>([
  ["counter", "stored is 3, orders has 1 row", { orders: 1n }],
  ["counter", "dead is 2, the outbox stands for 3 records", { dead: 3n }],
  ["counter", "duplicate is -1", { counters: { ...counters, received: 4n, duplicate: -1n } }],
  ["position", "the position is 10, and there is a row of offset 10", { lastOffset: 10n }],
  ["position", "there are rows of this partition, and no position", { counters: undefined }],
])("%s: %s", (kind, detail, change) => {
  expect(checkBooks("orders", [{ ...books, ...change }])).toEqual([{ kind, at: "orders:1:0", detail }]);
});

test("a dead letter that waits and one that was refused are two kinds of difference", () => {
  const row = { id: 5, epoch: 1, partition: 0, offset: 7n, refusal: null, ageSeconds: 90.4 };
  expect(checkDelivery("orders", [row, { ...row, refusal: "MESSAGE_TOO_LARGE" }])).toEqual([
    { kind: "undelivered", at: "orders:1:0:7", detail: "outbox row 5 has waited for 90 s" },
    { kind: "refused", at: "orders:1:0:7", detail: "outbox row 5: Kafka says MESSAGE_TOO_LARGE" },
  ]);
});
