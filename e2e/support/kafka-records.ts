import { randomUUID } from "node:crypto";
import type { KafkaMessage, Message } from "kafkajs";
import { createKafka } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { waitUntil } from "./wait-until";

/** kafkajs, corrected, against these brokers; says nothing. */
export function testKafka(brokers: readonly string[]) {
  const names = [
    "KAFKA_BROKERS",
    "KAFKA_SSL",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "LOG_LEVEL",
    "LOG_FORMAT",
  ] as const;
  const settings = readSettings(names, { KAFKA_BROKERS: brokers.join(","), LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  return createKafka(settings, createLog("test", settings), "test");
}

/** Sends records to one partition and waits for all replicas. */
export async function produce(brokers: readonly string[], topic: string, messages: readonly Message[]): Promise<void> {
  const producer = testKafka(brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages: [...messages] });
  } finally {
    await producer.disconnect();
  }
}

/** Reads a topic from its start until so many records have come. @throws when they have not come in time */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
  count: number,
): Promise<readonly KafkaMessage[]> {
  const consumer = testKafka(brokers).consumer({ groupId: `test-${randomUUID()}`, maxWaitTimeInMs: 100 });
  const messages: KafkaMessage[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void messages.push(message) });
    await waitUntil(`${count} records in ${topic}`, () => messages.length >= count);
  } finally {
    await consumer.disconnect();
  }
  return messages;
}

/** How many records of a topic a consumer group has still to commit, over all partitions. */
export async function lagOf(brokers: readonly string[], topic: string, groupId: string): Promise<number> {
  const admin = testKafka(brokers).admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return ends.reduce((lag, { partition, high }) => {
      const offset = committed?.partitions.find((each) => each.partition === partition)?.offset ?? "0";
      return lag + Number(high) - Math.max(0, Number(offset));
    }, 0);
  } finally {
    await admin.disconnect();
  }
}
