import type { Admin } from "kafkajs";

const NO_ID = "A".repeat(22);

/**
 * Kafka's own id of a topic, as its tools print it (22 letters of base64url). A topic that is deleted and made anew has
 * another one. Undefined where the broker tells none: before Kafka 2.8, or while the topic is being made.
 *
 * @throws KafkaJSError like every question to Kafka; also UNKNOWN_TOPIC_OR_PARTITION
 */
export async function fetchTopicId(
  admin: Pick<Admin, "fetchTopicMetadata">,
  topic: string,
): Promise<string | undefined> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  // kafkajs drops what else is told of a topic, so the correction puts its id beside each partition.
  const [partition] = topics.find(({ name }) => name === topic)?.partitions ?? [];
  const { topicId } = (partition ?? {}) as { topicId?: string };
  return topicId === NO_ID ? undefined : topicId;
}
