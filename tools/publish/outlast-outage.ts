import { setTimeout as sleep } from "node:timers/promises";

/** A broker that was killed is back, or its partitions have another leader, within half of that. */
const PATIENCE_MS = 60_000;
/** One attempt of the client is some seconds of retries already. */
const PAUSE_MS = 250;

/**
 * Repeats what fails because Kafka is away, for up to a minute. Once kafkajs has failed to connect anew it calls every
 * error final, so whether an error means "later" is asked of its causes.
 *
 * @param signal ends the patience: the last error is thrown
 */
export async function outlastOutage<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error) || signal.aborted || performance.now() > deadline) throw error;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function isPassing(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("retriable" in cause && cause.retriable === true) return true;
  }
  return false;
}
