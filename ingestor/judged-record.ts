import { createHash } from "node:crypto";
import type { KafkaMessage } from "kafkajs";
import { encodeHeaders, headerBytesOf } from "../runtime/kafka/headers";
import { undecodableOf } from "../runtime/kafka/undecodable";
import { type AcceptedOrder, judge, type RejectedValue, type Verdict } from "./judge";

/** A record as Kafka delivered it, in the parts that a dead letter has to repeat. */
export interface SourceRecord {
  readonly offset: bigint;
  /** The same offset, or the last of a record batch that could not be decoded and stands for all its records. */
  readonly lastOffset: bigint;
  /** 1, or how many records that batch holds. */
  readonly recordCount: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In Kafka's wire form, as they came: taking them apart can cost a hundred times their bytes. */
  readonly headerBytes: Buffer;
  /** Milliseconds since 1970; -1 if the record has none. */
  readonly timestamp: bigint;
}

/** A record and what has been decided about it: an order to store, or a dead letter to be. */
export interface JudgedRecord<V extends Verdict = Verdict> extends SourceRecord {
  readonly verdict: V;
}
export type AcceptedRecord = JudgedRecord<AcceptedOrder>;
export type RejectedRecord = JudgedRecord<RejectedValue>;

export function isAccepted(record: JudgedRecord): record is AcceptedRecord {
  return record.verdict.kind === "accepted";
}

/**
 * Takes a consumed message apart and judges its value. A batch that could not be decoded is rejected as a whole.
 *
 * @param position the partition's position; what such a batch holds below it has been dealt with
 */
export function judgeMessage(message: KafkaMessage, position: bigint): JudgedRecord {
  return rejectUndecodable(message, position) ?? judgedAs(message, judge(message.value));
}

/** The same, with a judge that takes its time. Undefined if it gives no verdict. */
export async function judgeMessageBy(
  message: KafkaMessage,
  position: bigint,
  judgeValue: (value: Buffer | null) => Promise<Verdict | undefined>,
): Promise<JudgedRecord | undefined> {
  const rejected = rejectUndecodable(message, position);
  if (rejected) return rejected;
  const verdict = await judgeValue(message.value);
  return verdict && judgedAs(message, verdict);
}

const noHeaders = encodeHeaders([]);

function rejectUndecodable(message: KafkaMessage, position: bigint): RejectedRecord | undefined {
  const undecodable = undecodableOf(message);
  if (!undecodable) return undefined;
  const offset = undecodable.firstOffset > position ? undecodable.firstOffset : position;
  return {
    offset,
    lastOffset: undecodable.lastOffset,
    recordCount: Math.min(undecodable.recordCount, Number(undecodable.lastOffset - offset) + 1),
    key: null,
    value: null,
    headerBytes: noHeaders,
    timestamp: BigInt(message.timestamp),
    verdict: { kind: "rejected", reason: "deserialize", errors: [`/ ${undecodable.error}`] },
  };
}

function judgedAs(message: KafkaMessage, verdict: Verdict): JudgedRecord {
  const offset = BigInt(message.offset);
  return {
    offset,
    lastOffset: offset,
    recordCount: 1,
    key: message.key,
    value: message.value,
    headerBytes: headerBytesOf(message),
    timestamp: BigInt(message.timestamp),
    verdict,
  };
}

/**
 * SHA-256 over what tells a record from another one at the same offset of another topic of the same name: its timestamp,
 * key and value.
 */
export function digestOf(record: Pick<KafkaMessage, "timestamp" | "key" | "value">): Buffer {
  const digest = createHash("sha256").update(`${record.timestamp}:${record.key?.length ?? "null"}:`);
  if (record.key) digest.update(record.key);
  if (record.value) digest.update(record.value);
  return digest.digest();
}

/** SHA-256 over a record's key and value: by it a dead letter that was sent again is recognised, whenever it was. */
export function contentDigestOf({ key, value }: Pick<SourceRecord, "key" | "value">): Buffer {
  return digestOf({ key, value, timestamp: "" });
}

/** The bytes of a message's key, value and headers, for keeping batches within a limit. */
export function sizeOf(message: KafkaMessage): number {
  return (message.key?.length ?? 0) + (message.value?.length ?? 0) + headerBytesOf(message).length;
}
