import type { CompressionTypes, Kafka } from "kafkajs";
import { outlastOutage } from "./outlast-outage";
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

/** Below the client's time-out of a request: the broker's answer "too few replicas" is better than none. */
const REPLICAS_TIMEOUT_MS = 10_000;

/**
 * Connects and makes sure that the topic exists, so that what follows fails for the records' sake only.
 *
 * @param wish.brokers the addresses, for the message
 * @param wish.signal ends the connecting, and the waiting for a Kafka that went away meanwhile
 * @returns undefined if the signal came first
 * @throws TopicUnavailableError within ten seconds
 */
export async function openTopic(
  kafka: Kafka,
  wish: {
    readonly topic: string;
    readonly key: string | undefined;
    readonly compression: CompressionTypes;
    readonly brokers: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<OpenTopic | undefined> {
  const { topic, key, compression } = wish;
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const close = async (): Promise<void> => {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  };
  const connect = async (): Promise<void> => {
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.fetchTopicMetadata({ topics: [topic] });
  };
  try {
    await beforeDeadline(connect(), wish.signal);
  } catch (error) {
    void close();
    if (wish.signal.aborted) return undefined;
    throw new TopicUnavailableError(explain(error as Error, topic, wish.brokers));
  }
  const send: SendBatch = (batch) => {
    const messages = batch.map(({ id, value }) => ({ key: key ?? id ?? null, value }));
    const record = { topic, acks: -1, timeout: REPLICAS_TIMEOUT_MS, compression, messages };
    return outlastOutage(() => producer.send(record), wish.signal);
  };
  return { send, close };
}

async function beforeDeadline(work: Promise<void>, stop: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(CONNECT_DEADLINE_MS)]);
  const ended = new Promise<never>((_, reject) => {
    const reason = () => reject(new Error(`no answer within ${CONNECT_DEADLINE_MS / 1000} s`));
    signal.addEventListener("abort", reason, { once: true });
  });
  await Promise.race([work, ended]);
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
