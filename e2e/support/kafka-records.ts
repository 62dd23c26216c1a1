import { randomUUID } from "node:crypto";
import { type Admin, CompressionTypes, type KafkaMessage, type Message } from "kafkajs";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { waitUntil } from "./wait-until";

/** kafkajs, corrected, against these brokers; says nothing. @param retries as `createKafka` takes them */
export function testKafka(brokers: readonly string[], retries?: number) {
  const names = [...kafkaSettings, "LOG_LEVEL", "LOG_FORMAT"] as const;
  const settings = readSettings(names, { KAFKA_BROKERS: brokers.join(","), LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  return createKafka(settings, createLog("test", settings), "test", retries);
}

/** Sends records to one partition and waits for all replicas. */
export async function produce(
  brokers: readonly string[],
  topic: string,
  messages: readonly Message[],
  compression = CompressionTypes.None,
): Promise<void> {
  const producer = testKafka(brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, compression, messages: [...messages] });
  } finally {
    await producer.disconnect();
  }
}

/** Sends records in a transaction of their own, and ends it in this way. */
export async function produceInTransaction(
  brokers: readonly string[],
  topic: string,
  messages: readonly Message[],
  end: "commit" | "abort",
): Promise<void> {
  const producer = testKafka(brokers).producer({
    transactionalId: randomUUID(),
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({ topic, acks: -1, messages: [...messages] });
    await transaction[end]();
  } finally {
    await producer.disconnect();
  }
}

/** A broker that is busy with other topics answers late. */
const PATIENCE_MS = 20_000;

/** Deletes a topic with all that it holds and makes it anew with one partition. */
export async function recreateTopic(brokers: readonly string[], topic: string): Promise<void> {
  await asAdmin(brokers, async (admin) => {
    await admin.deleteTopics({ topics: [topic], timeout: PATIENCE_MS });
    await waitUntil("the topic is gone", async () => !(await admin.listTopics()).includes(topic));
    // False where an attempt that was given up has made it.
    await waitUntil("the topic is made anew", async () => {
      await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false, timeout: PATIENCE_MS });
      return true;
    });
    // kafkajs' own waiting for leaders fails where the broker's metadata lags behind the creation.
    await waitUntil("the topic has its leader", async () => (await admin.fetchTopicOffsets(topic)).length === 1);
  });
}

/** Deletes the records of a partition before this offset, as retention would. */
export async function deleteRecordsBefore(
  brokers: readonly string[],
  topic: string,
  offset: number,
  partition = 0,
): Promise<void> {
  await asAdmin(brokers, async (admin) => {
    // kafkajs deletes only in topics that this client has asked about.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}

/** Adds partitions to a topic, up to so many. */
export async function addPartitions(brokers: readonly string[], topic: string, count: number): Promise<void> {
  await asAdmin(brokers, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic, count }], timeout: PATIENCE_MS });
    await waitUntil("the partitions have their leaders", async () => {
      return (await admin.fetchTopicOffsets(topic)).length === count;
    });
  });
}

async function asAdmin<T>(brokers: readonly string[], act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testKafka(brokers).admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
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

/** Forgets what a consumer group has committed; it has to be without members. */
export async function deleteGroup(brokers: readonly string[], groupId: string): Promise<void> {
  await asAdmin(brokers, (admin) => admin.deleteGroups([groupId]));
}

/** How many records of a topic a consumer group has still to commit, over all partitions. */
export async function lagOf(brokers: readonly string[], topic: string, groupId: string): Promise<number> {
  return asAdmin(brokers, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return ends.reduce((lag, { partition, high }) => {
      const offset = committed?.partitions.find((each) => each.partition === partition)?.offset ?? "0";
      return lag + Number(high) - Math.max(0, Number(offset));
    }, 0);
  });
}
