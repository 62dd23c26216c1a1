import type { KafkaMessage } from "kafkajs";
import { writeDeadLetterHeaders } from "../../ingestor/dead-letter";
import type { RejectReason } from "../../ingestor/judge";
import { asKafkajsHeaders } from "../../runtime/kafka/headers";
import { createFilter, firstPathOf, hasContent, type Letter, readLetter } from "./letter";
import type { LetterWish } from "./options";

function messageOf(value: string | null, errors = "/payment/amount must be integer", reason: RejectReason = "schema") {
  const headers = writeDeadLetterHeaders([], {
    ...{ id: "orders:1:0:5", reason, errors, topic: "orders", partition: 0, offset: 5n, replays: 0 },
    ...{ firstFailedAt: new Date("2026-01-01T00:00Z"), failedAt: new Date("2026-01-02T00:00Z") },
  });
  const bytes = value === null ? null : Buffer.from(value);
  return { key: Buffer.from("k"), value: bytes, offset: "7", headers: asKafkajsHeaders(headers) } as KafkaMessage;
}

function letterOf(...parts: Parameters<typeof messageOf>): Letter {
  const letter = readLetter(messageOf(...parts), 0, "orders");
  if (!letter) throw new Error("it is no letter");
  return letter;
}

const everything: LetterWish = {
  ...{ reason: undefined, path: undefined, id: undefined, order: undefined },
  ...{ dlqOffsets: undefined, since: undefined, until: undefined },
};

test("a letter of another topic, and a record without a letter's headers, are none", () => {
  expect(readLetter(messageOf("{}"), 0, "others")).toBeUndefined();
  expect(readLetter({ ...messageOf("{}"), headers: {} } as KafkaMessage, 0, "orders")).toBeUndefined();
  expect(letterOf("{}")).toMatchObject({ dlqOffset: 7n, info: { id: "orders:1:0:5", offset: 5n } });
});

test.each<[Partial<LetterWish>, boolean]>([
  [{}, true],
  [{ reason: ["schema", "conflict"] }, true],
  [{ reason: ["conflict"] }, false],
  [{ path: "/payment" }, true],
  [{ path: "/items/*/price" }, false],
  [{ id: ["a", "orders:1:0:5"] }, true],
  [{ id: ["a"] }, false],
  [{ order: "a" }, true],
  [{ order: "k" }, true],
  [{ order: "b" }, false],
  [{ since: new Date("2026-01-02T00:00Z") }, true],
  [{ since: new Date("2026-01-02T00:01Z") }, false],
  [{ until: new Date("2026-01-02T00:00Z") }, false],
  [{ until: new Date("2026-01-02T00:01Z"), reason: ["schema"] }, true],
])("%j means a letter of January 2nd: %s", (wish, isMeant) => {
  expect(createFilter({ ...everything, ...wish })(letterOf('{"order_uid": "a"}'))).toBe(isMeant);
});

test("an order is looked for in what is no JSON by its key alone", () => {
  expect(createFilter({ ...everything, order: "a" })(letterOf('{"order_uid": "a"'))).toBe(false);
  expect(createFilter({ ...everything, order: "k" })(letterOf(null))).toBe(true);
});

test("a place in a list is any place", () => {
  expect(firstPathOf("/items/17/price must be integer\n/items/18/price x")).toBe("/items/*/price");
  expect(firstPathOf("/ is not JSON")).toBe("/");
});

test("a tombstone is a record without a value; the letter of a batch that cannot be decoded holds no record", () => {
  expect(hasContent(letterOf("{}"))).toBe(true);
  expect(hasContent(letterOf(null, "/ is a tombstone: the record has no value", "deserialize"))).toBe(true);
  expect(hasContent(letterOf(null, "/ the batch's checksum is wrong", "deserialize"))).toBe(false);
});
