import { crc32c } from "@node-rs/crc32";
import type { KafkaMessage, Message } from "kafkajs";
import { fetchResponse } from "../internals";
import { type BatchOptions, encodeBatch } from "./encode-batch";

/** Test data: record batches and answers to a fetch as a broker sends them, and what kafkajs' consumer makes of them. */

/** A time for records that have none. */
export const NOW = 1_795_000_000_000;

export interface BatchPlace {
  readonly baseOffset?: bigint;
  readonly isControl?: boolean;
}

/** A batch as the broker has put it into its log. */
export async function logBatch(
  messages: readonly Message[],
  { baseOffset = 0n, isControl = false, ...options }: BatchPlace & Partial<BatchOptions> = {},
): Promise<Buffer> {
  const bytes = await encodeBatch(messages, NOW, options);
  bytes.writeBigInt64BE(baseOffset, 0);
  if (isControl) bytes.writeInt16BE(bytes.readInt16BE(21) | 0x20, 21);
  return sealed(bytes);
}

/** The batch with its checksum made right again. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

export interface Answer {
  readonly fetchedOffset?: bigint;
  readonly highWatermark?: bigint;
  readonly aborted?: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  readonly version?: number;
}

/** What kafkajs' consumer makes of an answer: the messages that `eachBatch` gets, and the offset it moves on from. */
export interface Consumed {
  readonly messages: readonly KafkaMessage[];
  lastOffset(): string;
}

const KafkajsBatch = require("kafkajs/src/consumer/batch") as {
  new (topic: string, fetchedOffset: string, partition: object): Consumed;
};

/** Puts batches into an answer of the broker, and the answer through kafkajs. */
export async function consume(batches: readonly Buffer[], answer: Answer = {}): Promise<Consumed> {
  const { fetchedOffset = 0n, version = 11 } = answer;
  const payload = fetchPayload(Buffer.concat(batches), { highWatermark: 1_000_000_000n, version, ...answer });
  const fields = (await fetchResponse(version).decode(payload)) as {
    readonly responses: readonly { readonly topicName: string; readonly partitions: readonly object[] }[];
  };
  const { topicName, partitions } = fields.responses[0] ?? { topicName: "", partitions: [] };
  return new KafkajsBatch(topicName, String(fetchedOffset), partitions[0] ?? {});
}

function fetchPayload(recordSet: Buffer, answer: Answer & { readonly version: number }): Buffer {
  const { version, highWatermark = 0n, aborted = [] } = answer;
  return Buffer.concat([
    int32(0),
    ...(version >= 7 ? [int16(0), int32(0)] : []),
    int32(1),
    int16(6),
    Buffer.from("orders"),
    int32(1),
    int32(3),
    int16(0),
    int64(highWatermark),
    int64(highWatermark),
    ...(version >= 5 ? [int64(0n)] : []),
    int32(aborted.length),
    ...aborted.flatMap(({ producerId, firstOffset }) => [int64(producerId), int64(firstOffset)]),
    ...(version >= 11 ? [int32(-1)] : []),
    int32(recordSet.length),
    recordSet,
  ]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
