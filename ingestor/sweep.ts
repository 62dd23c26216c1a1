import { untilBeat } from "../runtime/beat";
import type { Log } from "../runtime/log";
import type { DeliveryQueue } from "./delivery-queue";
import { classifyFailure } from "./failure";
import type { Outbox } from "./outbox";

const INTERVAL_MS = 1_000;
/** While a store is away, or has just come back: a letter shall not wait for the sweep when everything else is there. */
const INTERVAL_IN_OUTAGE_MS = 250;
/** With no job left, a row this old has none: a lost job costs a dead letter at most a second and a half. */
const FORGOTTEN_SECONDS = 0.5;
/** With jobs left, a row may be waiting its turn behind them; after this long it is given another job to be sure. */
const FORGOTTEN_BEHIND_OTHERS_SECONDS = 60;
/** Looking for such rows reads all that wait, which in a storm is a tenth of PostgreSQL's work if it is done every second. */
const BEHIND_OTHERS_INTERVAL_MS = 10_000;
/** With this many jobs left, the worker is what everything waits for, and more jobs would only pile up. */
const ENOUGH_JOBS = 100;
/** Rows that one sweep makes jobs for. */
const ROWS_PER_SWEEP = 5_000;

/**
 * Finds dead letters that nobody is delivering (Redis was away or emptied, a process died between its commit and the
 * job) and makes jobs for them. Every ingestor has this timer; an advisory lock lets one of them look at a time.
 *
 * @returns what stops the timer
 */
export function startSweep(
  outbox: Outbox,
  queue: Pick<DeliveryQueue, "add" | "countPending" | "problem">,
  log: Log,
): () => void {
  let nextBehindOthers = 0;
  let hasFailed = false;
  const look = async (): Promise<void> => {
    try {
      hasFailed = false;
      // Nearly always there is nothing, which one small question tells: the others are more than an idle system should do.
      if (!(await outbox.hasForgotten(FORGOTTEN_SECONDS))) return;
      const pending = await queue.countPending();
      if (pending >= ENOUGH_JOBS || (pending > 0 && Date.now() < nextBehindOthers)) return;
      if (pending > 0) nextBehindOthers = Date.now() + BEHIND_OTHERS_INTERVAL_MS;
      const afterSeconds = pending === 0 ? FORGOTTEN_SECONDS : FORGOTTEN_BEHIND_OTHERS_SECONDS;
      const forgotten = await outbox.findForgotten(afterSeconds, ROWS_PER_SWEEP);
      if (!forgotten?.length) return;
      const rows = forgotten.length;
      log.info({ event: "sweep.found", rows }, `${rows} dead letters had nobody to deliver them: delivering them now`);
      await queue.add(forgotten);
    } catch (error) {
      hasFailed = true;
      const { code } = classifyFailure(error);
      log.debug({ event: "sweep.failed", code }, `could not look for forgotten dead letters (${code})`);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const lookLater = (): void => {
    if (isStopped) return;
    const isOutage = hasFailed || queue.problem() !== undefined;
    timer = setTimeout(() => void look().then(lookLater), isOutage ? INTERVAL_IN_OUTAGE_MS : untilBeat(INTERVAL_MS));
  };
  lookLater();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
