import type { Log } from "../runtime/log";
import { type Outcome, outcomes } from "./metrics";

/** What becomes of one fetched batch, over all its transactions. */
export interface Tally {
  /** Every offset up to and including this one is committed. */
  add(lastOffset: bigint, counts: Readonly<Record<Outcome, number>>): void;
  /** Says it in one line, unless nothing was committed. */
  tell(partition: number, log: Log): void;
}

/** @param firstOffset where the partition stands before the batch */
export function createTally(firstOffset: bigint): Tally {
  const begun = performance.now();
  const sums = { stored: 0, duplicate: 0, dead: 0 };
  let next = firstOffset;
  return {
    add(lastOffset, counts) {
      next = lastOffset + 1n;
      for (const outcome of outcomes) sums[outcome] += counts[outcome];
    },
    tell(partition, log) {
      if (next === firstOffset) return;
      const [first, last] = [firstOffset.toString(), (next - 1n).toString()];
      const ms = Math.round(performance.now() - begun);
      const { stored, duplicate, dead } = sums;
      log.info(
        { event: "batch.stored", partition, firstOffset: first, lastOffset: last, ...sums, ms },
        `partition ${partition}, ${first} to ${last}: ${stored} stored, ${duplicate} duplicates, ${dead} dead letters`,
      );
    },
  };
}
