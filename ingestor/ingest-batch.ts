import type { Batch as FetchedBatch } from "kafkajs";
import type { OpenPartition } from "./assignment";
import type { Verdict } from "./judge";
import { type BatchLimits, judgeInPortions, judgeOneByOne } from "./judge-portions";
import type { Batch } from "./store-batch";
import type { PatientStoreResult } from "./store-patiently";

export interface IngestBatchDeps {
  readonly limits: BatchLimits;
  /**
   * For records of which one may kill the process: judges them elsewhere, one at a time. No verdict means that the
   * partition is no longer ours.
   */
  readonly judgeApart: ((value: Buffer | null) => Promise<Verdict | undefined>) | undefined;
  /** Stores the batch, whatever it takes. */
  readonly store: (batch: Batch) => Promise<PatientStoreResult>;
  /** False once the partition is no longer ours or the process is stopping. */
  readonly isCurrent: () => boolean;
  /** Told after each commit: every offset up to and including this one is done with. */
  readonly onCommitted: (lastOffset: bigint, result: Extract<PatientStoreResult, { kind: "stored" }>) => void;
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
  for await (const portion of portions) {
    if (!portion || !deps.isCurrent()) return "abandoned";
    const isLast = portion.lastMessage === fetched.messages.at(-1);
    // Control and aborted records at the end never come by; with the last record they are done with as well.
    const to = (isLast ? BigInt(fetched.lastOffset()) : portion.lastOffset) + 1n;
    const result = await deps.store({
      topic: fetched.topic,
      partition,
      from: partition.nextOffset,
      to,
      records: portion.judged,
    });
    if (result.kind === "abandoned") return "abandoned";
    if (result.kind === "moved") return "reposition";
    partition.nextOffset = to;
    deps.onCommitted(to - 1n, result);
  }
  return "done";
}
