import { setTimeout as delay } from "node:timers/promises";
import type { Ledger } from "./ledger";

/** An ingestor that is there has most often stored within some milliseconds what it is sent; one that is away may stay away. */
const [FIRST_LOOK_MS, LOOK_EVERY_MS] = [20, 250];
const SAY_EVERY_MS = 5_000;
/** An ingestor that was killed is back, and past what it had begun, within half of that. */
const PATIENCE_MS = 60_000;

/**
 * Waits until it is known what became of everything that this run has sent: as long as the ingestor gets on, and a
 * minute more.
 *
 * @returns how many are not told
 */
export async function awaitOutcomes(
  ledger: Pick<Ledger, "tellOutcomes">,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<number> {
  let untold = await ledger.tellOutcomes();
  let movedAt = performance.now();
  let saidAt = performance.now();
  let pauseMs = FIRST_LOOK_MS;
  while (untold > 0 && !signal.aborted && performance.now() - movedAt < PATIENCE_MS) {
    if (performance.now() - saidAt > SAY_EVERY_MS) {
      saidAt = performance.now();
      say(`waiting for the ingestor: ${untold} sent records to be ingested`);
    }
    await delay(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(2 * pauseMs, LOOK_EVERY_MS);
    const left = await ledger.tellOutcomes();
    if (left !== untold) movedAt = performance.now();
    untold = left;
  }
  return untold;
}
