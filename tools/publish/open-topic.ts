import type { CompressionTypes, Kafka } from "kafkajs";
import type { SendBatch } from "./send-records";

/** Kafka cannot take anything now: it is not there, or the topic is not. The message says what to do. */
export class TopicUnavailableError extends Error {
  override readonly name = "TopicUnavailableError";
}

export interface OpenTopic {
  readonly send: SendBatch;
  readonly close: () => Promise<void>;
}

/** A broker that is there answers within milliseconds; a person who forgot to start it should not wait long. */
const CONNECT_DEADLINE_MS = 10_000;

/** The restart of a broker, or the election of a new leader, is over by then. 100 ms, doubling up to 1 s: about 30 s. */
const SEND_RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2, retries: 32 };

/** Below the client's time-out of a request: the broker's answer "too few replicas" is better than none. */
const REPLICAS_TIMEOUT_MS = 10_000;

/**
 * Connects and makes sure that the topic exists, so that what follows fails for the records' sake only.
 *
 * @param brokers the addresses, for the message
 * @throws TopicUnavailableError within ten seconds
 */
export async function openTopic(
  kafka: Kafka,
  wish: {
    readonly topic: string;
    readonly key: string | undefined;
    readonly compression: CompressionTypes;
    readonly brokers: readonly string[];
  },
): Promise<OpenTopic> {
  const { topic, key, compression } = wish;
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: SEND_RETRY });
  const close = async (): Promise<void> => {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  };
  const connect = async (): Promise<void> => {
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.fetchTopicMetadata({ topics: [topic] });
  };
  try {
    await withDeadline(connect());
  } catch (error) {
    void close();
    throw new TopicUnavailableError(explain(error as Error, topic, wish.brokers));
  }
  const send: SendBatch = (batch) =>
    producer.send({
      topic,
      acks: -1,
      timeout: REPLICAS_TIMEOUT_MS,
      compression,
      messages: batch.map(({ id, value }) => ({ key: key ?? id ?? null, value })),
    });
  return { send, close };
}

async function withDeadline(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${CONNECT_DEADLINE_MS / 1000} s`)),
      CONNECT_DEADLINE_MS,
    );
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function explain(error: Error, topic: string, brokers: readonly string[]): string {
  const where = `Kafka at ${brokers.join(",")}`;
  const types = [error, error.cause as Error | undefined].map(
    (cause) => (cause as { type?: string } | undefined)?.type,
  );
  if (types.includes("UNKNOWN_TOPIC_OR_PARTITION")) {
    return `${where} has no topic ${JSON.stringify(topic)}: npm start makes those that this project uses; --topic and KAFKA_TOPIC name another`;
  }
  if (types.includes("INVALID_TOPIC_EXCEPTION")) return `${JSON.stringify(topic)} cannot be the name of a topic`;
  return `cannot reach ${where}: ${error.message}\nstart one with npm start, or name another in KAFKA_BROKERS`;
}
