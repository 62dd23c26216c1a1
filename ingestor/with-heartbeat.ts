/** Kafka expects a sign of life within the session time-out (consume.ts); kafkajs sends one at most every 1.5 s when asked. */
const INTERVAL_MS = 1_000;

/**
 * Waits for work while keeping the group membership. The work goes on when a heartbeat fails.
 *
 * @throws the work's error, or at once that of a heartbeat (a rebalance, which has to reach kafkajs)
 */
export async function withHeartbeat<T>(heartbeat: () => Promise<void>, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const failure = new Promise<never>((_, reject) => {
    const beat = (): void => void heartbeat().catch(reject);
    timer = setInterval(beat, INTERVAL_MS);
    beat();
  });
  try {
    return await Promise.race([work, failure]);
  } finally {
    clearInterval(timer);
  }
}
