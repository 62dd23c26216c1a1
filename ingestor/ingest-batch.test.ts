import type { KafkaMessage } from "kafkajs";
import { orderWithId } from "../e2e/support/judged-records";
import type { OpenPartition } from "./assignment";
import { ingestBatch } from "./ingest-batch";
import type { BatchLimits } from "./judge-portions";

function messagesOf(values: readonly Buffer[]): KafkaMessage[] {
  return values.map((value, offset) => ({
    ...{ key: null, value, headers: {}, attributes: 0 },
    ...{ offset: String(offset), timestamp: "1700000000000" },
  }));
}

/** The numbers of records in the transactions that one fetch takes. */
async function transactionsOf(values: readonly Buffer[], limits: BatchLimits): Promise<number[]> {
  const sizes: number[] = [];
  const partition: OpenPartition = {
    ...{
      topicId: undefined,
      epoch: 1,
      partition: 0,
      nextOffset: 0n,
      seenOffset: 0n,
      fetchOffset: 0n,
      lastRecord: undefined,
      isSuspicious: false,
      handed: undefined,
    },
  };
  const fetched = { topic: "orders", messages: messagesOf(values), lastOffset: () => String(values.length - 1) };
  const result = await ingestBatch(fetched, partition, {
    limits,
    judgeApart: undefined,
    store: async ({ records }) => {
      sizes.push(records.length);
      return { kind: "stored", stored: records.length, duplicate: 0, dead: 0, outboxIds: [] };
    },
    isCurrent: () => true,
    onCommitted: () => {},
  });
  expect([result, partition.nextOffset]).toEqual(["done", BigInt(values.length)]);
  return sizes;
}

const mebibyte = 1_048_576;

// G8. Fails when one of the two limits of a portion is not looked at (splitIntoPortions in judge-portions.ts).
describe("a transaction takes", () => {
  test("so many records", async () => {
    const values = Array.from({ length: 25 }, (_, index) => orderWithId(`order-${index}`));
    expect(await transactionsOf(values, { records: 10, bytes: 8 * mebibyte })).toEqual([10, 10, 5]);
  });

  test("so many bytes, or a single record of any size", async () => {
    const values = [1, 1, 1, 3, 20, 1].map((size) => Buffer.alloc(size * mebibyte, "x"));
    expect(await transactionsOf(values, { records: 500, bytes: 4 * mebibyte })).toEqual([3, 1, 1, 1]);
  });
});
