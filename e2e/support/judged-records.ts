import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaMessage } from "kafkajs";
import { type JudgedRecord, judgeMessage } from "../../ingestor/judged-record";
import type { Batch } from "../../ingestor/store-batch";
import { projectRoot } from "../../runtime/project-root";

/** The example order, byte for byte. */
export const exampleOrder = readFileSync(join(projectRoot(), "ingestor/order-example.json"));

/** A valid order with this id, in the form of the example. */
export function orderWithId(id: string): Buffer {
  return Buffer.from(exampleOrder.toString().replace('"b563feb7b2b84b6test"', JSON.stringify(id)));
}

/** A record as the consumer would hand it on, judged. */
export function judged(
  offset: number | bigint,
  value: Buffer | null,
  message: Partial<KafkaMessage> = {},
): JudgedRecord {
  const whole = {
    key: null,
    value,
    offset: String(offset),
    timestamp: "1700000000000",
    attributes: 0,
    headers: {},
    ...message,
  };
  return judgeMessage(whole as KafkaMessage, 0n);
}

/** A batch that begins where its first record does and ends after its last. */
export function batchOf(records: readonly JudgedRecord[], partition = { epoch: 1, partition: 0 }): Batch {
  const from = records[0]?.offset ?? 0n;
  return { topic: "orders", partition, from, to: (records.at(-1)?.lastOffset ?? -1n) + 1n, records };
}
