import { setTimeout as delay } from "node:timers/promises";

/** Kafka expects a sign of life within the session time-out (consume.ts); kafkajs sends one at most every 1.5 s when asked. */
const INTERVAL_MS = 1_000;

/** Waits, and throws instead once the group is rebalancing: then the wait is pointless and kafkajs has to know. */
export type WaitForGroup = (ms: number) => Promise<void>;

/**
 * Works while keeping the group membership. A heartbeat that fails ends the work's next wait, or else is thrown when
 * the work has settled: never in the middle of a transaction.
 *
 * @throws the work's error, else the first error of a heartbeat (a rebalance, which has to reach kafkajs)
 */
export async function withHeartbeat<T>(
  heartbeat: () => Promise<void>,
  work: (wait: WaitForGroup) => Promise<T>,
): Promise<T> {
  let failed: { readonly error: unknown } | undefined;
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      failed ??= { error };
    });
  }, INTERVAL_MS);
  const throwIfFailed = (): void => {
    if (failed) throw failed.error;
  };
  try {
    const result = await work(async (ms) => {
      throwIfFailed();
      await delay(ms);
      throwIfFailed();
    });
    throwIfFailed();
    return result;
  } finally {
    clearInterval(timer);
  }
}
