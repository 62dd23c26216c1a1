import type { Batch as FetchedBatch, KafkaMessage } from "kafkajs";
import type { OpenPartition } from "./assignment";
import type { Verdict } from "./judge";
import { type JudgedRecord, judgeMessage, judgeMessageBy, sizeOf } from "./judged-record";
import type { Batch } from "./store-batch";
import type { PatientStoreResult } from "./store-patiently";

export interface IngestBatchDeps {
  readonly limits: BatchLimits;
  /** For records of which one may kill the process: judges them elsewhere, one at a time. */
  readonly judgeApart: ((value: Buffer | null) => Promise<Verdict>) | undefined;
  /** Stores the batch, whatever it takes. */
  readonly store: (batch: Batch) => Promise<PatientStoreResult>;
  /** False once the partition is no longer ours or the process is stopping. */
  readonly isCurrent: () => boolean;
  /** Told after each commit: every offset up to and including this one is done with. */
  readonly onCommitted: (lastOffset: bigint, result: Extract<PatientStoreResult, { kind: "stored" }>) => Promise<void>;
}

/** What one transaction takes: so many records, or so many bytes, or a single record of any size. */
export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** `reposition`: the partition does not stand where it was believed to; ask PostgreSQL again. */
export type IngestBatchResult = "done" | "abandoned" | "reposition";

/** Judges what one fetch has brought of a partition and stores it in order, in as many transactions as it takes. */
export async function ingestBatch(
  fetched: Pick<FetchedBatch, "topic" | "messages" | "lastOffset">,
  partition: OpenPartition,
  deps: IngestBatchDeps,
): Promise<IngestBatchResult> {
  const { judgeApart, limits } = deps;
  const portions = judgeApart
    ? judgeOneByOne(fetched.messages, partition.nextOffset, judgeApart)
    : judgeInPortions(fetched.messages, partition.nextOffset, limits);
  for await (const records of portions) {
    if (!deps.isCurrent()) return "abandoned";
    const isLast = records.lastMessage === fetched.messages.at(-1);
    const to = records.lastOffset + 1n;
    const result = await deps.store({
      topic: fetched.topic,
      partition,
      from: partition.nextOffset,
      to,
      records: records.judged,
    });
    if (result.kind === "abandoned") return "abandoned";
    if (result.kind === "moved") return "reposition";
    partition.nextOffset = to;
    // Control and aborted records at the end never come by; with the last record they are done with as well.
    await deps.onCommitted(isLast ? BigInt(fetched.lastOffset()) : records.lastOffset, result);
  }
  return "done";
}

interface Portion {
  readonly judged: readonly JudgedRecord[];
  readonly lastOffset: bigint;
  readonly lastMessage: KafkaMessage;
}

/** Judges portion by portion, so that the next is judged only once the last is stored: verdicts hold memory. */
function* judgeInPortions(
  messages: readonly KafkaMessage[],
  position: bigint,
  limits: BatchLimits,
): Generator<Portion> {
  let judged: JudgedRecord[] = [];
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    if (BigInt(message.offset) < position) continue;
    const record = judgeMessage(message, position);
    judged.push(record);
    bytes += sizeOf(message);
    const next = messages[index + 1];
    if (!next || judged.length >= limits.records || bytes + sizeOf(next) > limits.bytes) {
      yield { judged, lastOffset: record.lastOffset, lastMessage: message };
      judged = [];
      bytes = 0;
    }
  }
}

async function* judgeOneByOne(
  messages: readonly KafkaMessage[],
  position: bigint,
  judgeApart: (value: Buffer | null) => Promise<Verdict>,
): AsyncGenerator<Portion> {
  for (const message of messages) {
    if (BigInt(message.offset) < position) continue;
    const record = await judgeMessageBy(message, position, judgeApart);
    yield { judged: [record], lastOffset: record.lastOffset, lastMessage: message };
  }
}
