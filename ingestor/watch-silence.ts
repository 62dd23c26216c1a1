import type { Log } from "../runtime/log";
import type { Consumption } from "./consume";
import type { ReportOutage } from "./health";
import { silence } from "./tell-silence";
import { watchRegularly } from "./watch-regularly";

/** Several heartbeats that have not been answered. */
export const KAFKA_SILENCE_SECONDS = 10;

/**
 * Tells that Kafka is silent, and that it answers again: a consumer that has joined waits for a broker without a word.
 *
 * @returns what stops the watch
 */
export function watchSilence(
  { secondsSinceAnswer }: Pick<Consumption, "secondsSinceAnswer">,
  onOutage: ReportOutage,
  log: Log,
): () => void {
  let silentLooks = 0;
  return watchRegularly("silence of Kafka", log, async () => {
    const isSilent = secondsSinceAnswer() > KAFKA_SILENCE_SECONDS;
    // Two looks, because a process that stood still itself finds an old answer at first.
    if (!isSilent && silentLooks > 1) onOutage("Kafka", undefined);
    silentLooks = isSilent ? silentLooks + 1 : 0;
    if (silentLooks > 1) onOutage("Kafka", silence);
  });
}
