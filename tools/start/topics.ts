import { setTimeout as delay } from "node:timers/promises";
import { type ITopicConfig, type Kafka, KafkaJSError } from "kafkajs";
import { DLQ_MESSAGE_BYTES, ORDERS_MESSAGE_BYTES } from "./kafka-files";

const FOR_EVER = "-1";
/** A new topic is led, and a new broker coordinates groups, within half a second on an idle machine. */
const LIMIT_MS = 20_000;
/** Producers' clocks may be wrong in either direction; a record is not refused for it. */
const ANY_TIMESTAMP = {
  "message.timestamp.before.max.ms": "9223372036854775807",
  "message.timestamp.after.max.ms": "9223372036854775807",
};

/**
 * Creates `orders` (3 partitions) and `orders.dlq` (1) where they are missing, as durably as the cluster allows:
 * up to three replicas, of which all but one must have a record before it is acknowledged. Topics that exist are left
 * as they are.
 *
 * @returns the topics that were created
 */
export async function createTopics(kafka: Kafka, names: { orders: string; dlq: string }): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { brokers } = await admin.describeCluster();
    const replicas = Math.min(3, brokers.length);
    const durable = {
      ...ANY_TIMESTAMP,
      "unclean.leader.election.enable": "false",
      "min.insync.replicas": String(Math.max(1, replicas - 1)),
    };
    const orders = { ...durable, "max.message.bytes": String(ORDERS_MESSAGE_BYTES) };
    // Dead letters are somebody's unfinished work: they stay until told otherwise.
    const dlq = {
      ...durable,
      "max.message.bytes": String(DLQ_MESSAGE_BYTES),
      "retention.ms": FOR_EVER,
      "retention.bytes": FOR_EVER,
    };
    const wanted = [topic(names.orders, 3, replicas, orders), topic(names.dlq, 1, replicas, dlq)];
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    // kafkajs' own waiting for leaders fails where the broker's metadata lags behind the creation.
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: false });
    for (const { topic } of missing) await untilAnswered(() => admin.fetchTopicOffsets(topic));
    return missing.map(({ topic }) => topic);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Waits until the broker can coordinate this group. A broker that has never had a group makes the topic of their
 * offsets at the first question, and refuses consumers until that is done.
 */
export async function awaitGroupCoordinator(kafka: Kafka, groupId: string, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await untilAnswered(() => admin.fetchOffsets({ groupId, topics: [topic] }));
  } finally {
    await admin.disconnect();
  }
}

/** Asks again while the broker says that it is not so far yet. @throws its last error, after 20 s */
async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; ; await delay(50)) {
    try {
      await ask();
      return;
    } catch (error) {
      // What kafkajs gave up on after some attempts is the cause of its last error.
      const mayPass = [error, (error as Error).cause].some((each) => each instanceof KafkaJSError && each.retriable);
      if (!mayPass || Date.now() > deadline) throw error;
    }
  }
}

function topic(name: string, partitions: number, replicas: number, config: Record<string, string>): ITopicConfig {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  return { topic: name, numPartitions: partitions, replicationFactor: replicas, configEntries };
}
