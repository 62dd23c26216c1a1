import type { Message } from "kafkajs";
import { asKafkajsHeaders, type Header, headersOf } from "../headers";
import { produce } from "../internals";
import { consume } from "./fetch-fixture";
import { installCorrections } from "./install";

installCorrections();

/** What kafkajs' producer sends for these messages, up to the batch, and how a consumer reads the batch. */
async function send(messages: readonly Message[], version = 7, compression = 0) {
  const topicData = [{ topic: "orders", partitions: [{ partition: 2, firstSequence: 0, messages }] }];
  const { request } = produce.protocol({ version })({ acks: -1, timeout: 9_000, compression, topicData });
  const { buffer } = await request.encode();
  // No transaction, acks, timeout, one topic with its name, one partition with its number, the batch's length.
  const batchStart = 2 + 2 + 4 + 4 + 8 + 4 + 4 + 4;
  const head = buffer.subarray(0, batchStart);
  return {
    head,
    batchLength: buffer.length - batchStart,
    ...(await consume([Buffer.from(buffer.subarray(batchStart))])),
  };
}

const header = (key: string, value: string | null): Header => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

test("the request around a batch is as Kafka wants it", async () => {
  const { head, batchLength } = await send([{ value: "v" }]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(batchLength);
  expect(head.toString("hex")).toBe(
    ["ffff", "ffff", "00002328", "00000001", "0006", Buffer.from("orders").toString("hex")].join("") +
      ["00000001", "00000002", length.toString("hex")].join(""),
  );
});

test.each([3, 4, 5, 6, 7])(
  "version %i writes a list of headers exactly, null values too (kafkajs: TypeError)",
  async (version) => {
    const list = [
      header("b", "1"),
      header("a", null),
      header("__proto__", ""),
      header("b", "2"),
      header("10", "x"),
      header("2", "y"),
    ];
    const { messages } = await send([{ key: "k", value: "v", headers: asKafkajsHeaders(list) }], version);
    expect(messages.map(headersOf)).toEqual([list]);
  },
);

test("ordinary headers of kafkajs are written as before", async () => {
  const { messages } = await send([{ value: "v", headers: { a: "1", b: [Buffer.from("2"), "3"] } }, { value: null }]);
  expect(messages.map(headersOf)).toEqual([[header("a", "1"), header("b", "2"), header("b", "3")], []]);
  expect(messages.map(({ value }) => value)).toEqual([Buffer.from("v"), null]);
});

test.each([0, 1, 2, 3, 4])("keys, values and times come back from codec %i", async (compression) => {
  const start = Date.now();
  const { messages } = await send(
    [
      { key: "k", value: "v", timestamp: "1700000000000" },
      { key: Buffer.alloc(0), value: Buffer.from([0xff]), timestamp: "-1" },
      { key: null, value: null, timestamp: "0" },
      { value: "ö" },
    ],
    7,
    compression,
  );
  expect(messages.map(({ key, value, offset }) => [key, value, offset])).toEqual([
    [Buffer.from("k"), Buffer.from("v"), "0"],
    [Buffer.alloc(0), Buffer.from([0xff]), "1"],
    [null, null, "2"],
    [null, Buffer.from("ö"), "3"],
  ]);
  expect(messages.slice(0, 3).map(({ timestamp }) => timestamp)).toEqual(["1700000000000", "-1", "0"]);
  expect(Number(messages[3]?.timestamp)).toBeGreaterThanOrEqual(start);
});
