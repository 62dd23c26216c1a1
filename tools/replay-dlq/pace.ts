import { setTimeout as delay } from "node:timers/promises";

/** Waits until so many records more may go; an abort ends the wait. */
export type Pace = (records: number, signal: AbortSignal) => Promise<void>;

/** What was lost to other work is caught up with, for as long as this. */
const CATCH_UP_MS = 1_000;

/** One for a whole run: whoever began anew with each part of it would send the first records of each at once. */
export function createPace(recordsPerSecond: number | undefined): Pace {
  if (recordsPerSecond === undefined) return async () => {};
  let due = performance.now();
  return async (records, signal) => {
    await delay(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => {});
    due = Math.max(due, performance.now() - CATCH_UP_MS) + (records * 1_000) / recordsPerSecond;
  };
}
