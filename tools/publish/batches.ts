import { setTimeout as sleep } from "node:timers/promises";
import type { Payload } from "./sources";

/** A record in the order of publishing. */
export interface PublishRecord extends Payload {
  /** From 0, over all sources. */
  readonly index: number;
}

/**
 * Far below the 8 MiB that `orders` takes in one batch, large enough that a request's cost vanishes, and small enough for
 * kafkajs, which sorts a batch's records to their partitions by copying the list for each of them.
 */
const MAX_BATCH_BYTES = 512 * 1024;

/** What a record costs beside its value, roughly: key, lengths, an empty value. */
const RECORD_OVERHEAD_BYTES = 64;

/** With a rate, requests are at least this far apart: a steady flow without a request for every record. */
const PACE_SLICE_MS = 20;

/**
 * Cuts the records into batches to send: at most 512 KiB, or one record. With a rate the batches come when they are
 * due. The records are taken only as the batches are asked for.
 *
 * @param pace.rate records a second; `undefined` for no limit
 * @param pace.signal ends the batches early, also a wait for the next one
 */
export async function* batchesOf(
  records: Iterable<PublishRecord>,
  pace: { readonly rate: number | undefined; readonly signal: AbortSignal },
): AsyncGenerator<readonly PublishRecord[]> {
  const wait = pace.rate === undefined ? undefined : pacer(pace.rate, pace.signal);
  let batch: PublishRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
    const early = wait?.earlyMs() ?? 0;
    if (batch.length > 0 && (early > 0 || bytes + size > MAX_BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    if (early > 0) await wait?.untilDue();
    if (pace.signal.aborted) return;
    wait?.next();
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** When the next record is due. After a stall of more than a second the lost time is not caught up in a burst. */
function pacer(rate: number, signal: AbortSignal) {
  const stepMs = 1_000 / rate;
  let due = performance.now();
  return {
    earlyMs: (): number => due - performance.now(),
    next: (): void => {
      due = Math.max(due, performance.now() - 1_000) + stepMs;
    },
    untilDue: async (): Promise<void> => {
      const ms = Math.max(due - performance.now(), PACE_SLICE_MS);
      await sleep(ms, undefined, { signal }).catch(() => {});
    },
  };
}
