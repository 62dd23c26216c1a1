import type { Log } from "../runtime/log";
import type { DeliveryQueue } from "./delivery-queue";
import { classifyFailure } from "./failure";
import type { Outbox } from "./outbox";

/** Together with the age at which a row counts as forgotten, a lost job costs a dead letter about five seconds. */
const INTERVAL_MS = 2_000;
/** A sweep makes at most this many rows' jobs; the next one comes when they are done. */
const ROWS_PER_SWEEP = 5_000;

/**
 * Finds dead letters that nobody is delivering (Redis was away or emptied, a process died between its commit and the
 * job) and makes jobs for them. Every ingestor has this timer; an advisory lock lets one of them look at a time.
 *
 * @returns what stops the timer
 */
export function startSweep(outbox: Outbox, queue: Pick<DeliveryQueue, "add" | "countPending">, log: Log): () => void {
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const forgotten = await outbox.findForgotten(ROWS_PER_SWEEP);
      // Rows that wait behind jobs are not forgotten; a queue that was emptied has none.
      if (!forgotten?.length || (await queue.countPending()) > 0) return;
      log.info({ event: "sweep.found", rows: forgotten.length }, `${forgotten.length} dead letters were forgotten`);
      await queue.add(forgotten);
    } catch (error) {
      const { code } = classifyFailure(error);
      log.debug({ event: "sweep.failed", code }, `could not look for forgotten dead letters (${code})`);
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), INTERVAL_MS);
  return () => clearInterval(timer);
}
