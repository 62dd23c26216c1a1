import { hash } from "node:crypto";
import type { Admin, Kafka, KafkaMessage } from "kafkajs";
import pg from "pg";
import { readDeadLetterHeaders } from "../../ingestor/dead-letter";
import { headersOf } from "../../runtime/kafka/headers";
import { readLogBounds, walkTopic } from "../walk-topic";
import type { Letter, LogRecord, Outcome } from "./compare";
import { CHAOS_HEADER, followSends } from "./sends-file";

export interface ReadOutcomeDeps {
  readonly sendsFile: string;
  readonly kafka: Kafka;
  readonly admin: Pick<Admin, "deleteGroups" | "fetchTopicOffsets">;
  readonly topic: string;
  readonly dlqTopic: string;
  readonly databaseUrl: string;
}

/** Collects what is left of a run, from the publisher's file, both topics and PostgreSQL. Nothing is going on any more. */
export async function readOutcome(deps: ReadOutcomeDeps): Promise<Outcome> {
  const file = followSends(deps.sendsFile);
  const { sends, acknowledgements } = file.readNew();
  file.close();
  const log: LogRecord[] = [];
  await walk(deps, deps.topic, (message, partition) => {
    log.push({ partition, offset: Number(message.offset), n: numberOf(message), sha256: digestOf(message.value) });
  });
  const letters: Letter[] = [];
  await walk(deps, deps.dlqTopic, (message) => {
    const info = readDeadLetterHeaders(headersOf(message));
    const { id = "", partition = -1, offset = -1n } = info ?? {};
    letters.push({ id, partition, offset: Number(offset), sha256: digestOf(message.value) });
  });
  return { sends, acknowledgements, log, letters, ...(await readDatabase(deps.databaseUrl)) };
}

async function walk(
  { kafka, admin }: ReadOutcomeDeps,
  topic: string,
  onMessage: (message: KafkaMessage, partition: number) => void,
): Promise<void> {
  await walkTopic(kafka, admin, {
    topic,
    bounds: await readLogBounds(admin, topic),
    onRange: async ({ messages, partition }) => {
      for (const message of messages) onMessage(message, partition);
    },
  });
}

function numberOf(message: KafkaMessage): number | undefined {
  const header = headersOf(message).find(({ key }) => key.toString() === CHAOS_HEADER);
  return header ? Number(header.value) : undefined;
}

function digestOf(value: Buffer | null): string | null {
  return value && hash("sha256", value);
}

async function readDatabase(connectionString: string): Promise<Pick<Outcome, "stored" | "received">> {
  const client = new pg.Client({ connectionString, application_name: "orders-chaos" });
  await client.connect();
  try {
    const orders = await client.query<{ id: string; sha256: string }>(
      "SELECT id, encode(sha256(convert_to(document, 'UTF8')), 'hex') AS sha256 FROM orders",
    );
    const positions = await client.query<{ partition: number; received: string }>(
      "SELECT partition, sum(received) AS received FROM positions GROUP BY partition",
    );
    return {
      stored: new Map(orders.rows.map(({ id, sha256 }) => [id, sha256])),
      received: new Map(positions.rows.map(({ partition, received }) => [partition, Number(received)])),
    };
  } finally {
    await client.end();
  }
}
