import type { Admin } from "kafkajs";
import { fetchTopicId } from "../runtime/kafka/topic-id";
import type { Log } from "../runtime/log";
import type { Assignment } from "./assignment";
import { watchRegularly } from "./watch-regularly";

/** Rarer than other looks: a topic is hardly ever made anew, and each look is a question to the broker. */
const INTERVAL_MS = 4_000;

/**
 * Notices that the topic was deleted and made anew while it is consumed. Kafka does not tell a consumer: where the new
 * topic has grown past the old position at once, what it holds from there on looks like what was to come.
 *
 * @returns what stops the timer
 */
export function watchTopic(
  admin: Pick<Admin, "fetchTopicMetadata">,
  topic: string,
  assignment: Assignment,
  log: Log,
): () => void {
  const look = async (): Promise<void> => {
    const before = assignment.all();
    if (before.length === 0) return;
    const id = await fetchTopicId(admin, topic);
    const isAnother = before.some(({ topicId }) => id !== undefined && topicId !== undefined && topicId !== id);
    if (!isAnother || before.some((open) => assignment.get(open.partition) !== open)) return;
    log.warn(
      { event: "positions.moved", topic, topicId: id },
      `${topic} has another id: asking for its positions again`,
    );
    assignment.repositionAll();
  };
  return watchRegularly("topic", log, look, INTERVAL_MS);
}
