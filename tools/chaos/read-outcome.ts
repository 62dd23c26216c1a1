import { hash } from "node:crypto";
import type { Admin, Kafka, KafkaMessage } from "kafkajs";
import { readDeadLetterHeaders } from "../../ingestor/dead-letter";
import { SteadyClient } from "../../prisma/steady-client";
import { type HeaderList, headersOf } from "../../runtime/kafka/headers";
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
    const headers = textsOf(headersOf(message));
    const n = headers.get(CHAOS_HEADER);
    const place = { partition, offset: Number(message.offset), n: n === undefined ? n : Number(n) };
    const claim = { claim: headers.get("x-dlq-id"), replay: headers.get("x-dlq-replays") };
    log.push({ ...place, ...claim, ...contentOf(message) });
  });
  const letters: Letter[] = [];
  await walk(deps, deps.dlqTopic, (message) => {
    const info = readDeadLetterHeaders(headersOf(message));
    const { id = "", partition = -1, offset = -1n } = info ?? {};
    letters.push({ id, partition, offset: Number(offset), ...contentOf(message) });
  });
  return { sends, acknowledgements, log, letters, ...(await readDatabase(deps)) };
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

function textsOf(headers: HeaderList): ReadonlyMap<string, string> {
  return new Map(headers.map(({ key, value }) => [key.toString(), String(value)]));
}

/** Told by the chaos's own rule, not by the product's: what a dead letter adds begins with one of two names. */
function contentOf(message: KafkaMessage): Pick<Letter, "sha256" | "envelope"> {
  const { key, value, timestamp } = message;
  const own = headersOf(message).filter(({ key }) => !/^(x-dlq-|kafka_dlt-original-topic$)/.test(key.toString()));
  const envelope = JSON.stringify([key, timestamp, own]);
  return { sha256: value && hash("sha256", value), envelope: hash("sha256", envelope) };
}

async function readDatabase({
  databaseUrl,
  topic,
}: ReadOutcomeDeps): Promise<Pick<Outcome, "life" | "stored" | "received">> {
  const client = new SteadyClient({ connectionString: databaseUrl, application_name: "orders-chaos" });
  await client.connect();
  try {
    const orders = await client.query<{ id: string; sha256: string }>(
      "SELECT id, encode(sha256(convert_to(document, 'UTF8')), 'hex') AS sha256 FROM orders",
    );
    const positions = await client.query<{ partition: number; received: string }>(
      "SELECT partition, sum(received) AS received FROM positions GROUP BY partition",
    );
    const epochs = await client.query<{ first: number }>("SELECT min(id) AS first FROM epochs WHERE topic = $1", [
      topic,
    ]);
    return {
      life: `${topic}:${epochs.rows[0]?.first}`,
      stored: new Map(orders.rows.map(({ id, sha256 }) => [id, sha256])),
      received: new Map(positions.rows.map(({ partition, received }) => [partition, Number(received)])),
    };
  } finally {
    await client.end();
  }
}
