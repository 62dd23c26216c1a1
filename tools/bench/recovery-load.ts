import type pg from "pg";
import { SteadyClient } from "../../prisma/steady-client";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { generateOrder } from "../publish/generate-order";
import { createTopics } from "../start/topics";

/** Records by what becomes of them: ids of orders, and keys of records that are none. */
export interface Lot {
  readonly orders: readonly string[];
  readonly letters: readonly string[];
}

/** What is published for the bench, and how far it is. */
export interface RecoveryLoad {
  readonly topic: { readonly name: string; readonly dlqName: string };
  /** Acknowledged by Kafka when this is over. */
  publish(orders: number, letters: number): Promise<Lot>;
  /** Those that are not yet stored, and not yet delivered. @throws when PostgreSQL does not answer */
  stillWaiting(lot: Lot): Promise<Lot>;
  close(): Promise<void>;
}

const SEED = 5;
const BATCH = 1_000;
const ASK_WITHIN_MS = 2_000;
let published = 0;
let made = 0;

/** @param brokers @param databaseUrl past whatever is to fall silent */
export async function openRecoveryLoad(brokers: string, databaseUrl: string): Promise<RecoveryLoad> {
  const settings = readSettings([...kafkaSettings, "LOG_LEVEL", "LOG_FORMAT"], {
    ...{ KAFKA_BROKERS: brokers, LOG_LEVEL: "silent" },
  });
  const kafka = createKafka(settings, createLog("bench", settings), "orders-bench");
  const topic = { name: `orders-${++made}`, dlqName: `orders-${made}.dlq` };
  await createTopics(kafka, { orders: topic.name, dlq: topic.dlqName });
  let client: pg.Client | undefined;

  const ask = async (sql: string, values: readonly unknown[]): Promise<string[]> => {
    try {
      client ??= await connect(databaseUrl);
      const { rows } = await client.query<{ found: string }>(sql, [...values]);
      return rows.map(({ found }) => found);
    } catch (error) {
      void client?.end().catch(() => {});
      client = undefined;
      throw error;
    }
  };
  return {
    topic,
    publish: async (orders, letters) => {
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      const lot = { orders: [] as string[], letters: [] as string[] };
      const send = async (messages: { key: string; value: Buffer | string }[]): Promise<void> => {
        if (messages.length > 0) await producer.send({ topic: topic.name, acks: -1, messages });
      };
      try {
        for (let left = orders; left > 0; left -= BATCH) {
          const batch = Array.from({ length: Math.min(left, BATCH) }, () => generateOrder(SEED, published++));
          lot.orders.push(...batch.map(({ id }) => id));
          await send(batch.map(({ id, bytes }) => ({ key: id, value: bytes })));
        }
        lot.letters.push(...Array.from({ length: letters }, () => `no-order-${published++}`));
        await send(lot.letters.map((key) => ({ key, value: "rubbish" })));
        return lot;
      } finally {
        await producer.disconnect();
      }
    },
    stillWaiting: async ({ orders, letters }) => ({
      orders: await ask(
        `SELECT w AS found FROM unnest($1::text[]) w WHERE NOT EXISTS (SELECT FROM orders WHERE id = w)`,
        [orders],
      ),
      letters: await ask(
        `SELECT w AS found FROM unnest($1::text[]) w WHERE NOT EXISTS (
           SELECT FROM outbox JOIN outbox_delivered USING (id) WHERE key = convert_to(w, 'UTF8'))`,
        [letters],
      ),
    }),
    close: async () => {
      await client?.end().catch(() => {});
    },
  };
}

async function connect(connectionString: string): Promise<pg.Client> {
  const patience = { connectionTimeoutMillis: ASK_WITHIN_MS, query_timeout: ASK_WITHIN_MS };
  const client = new SteadyClient({ connectionString, application_name: "orders-bench", ...patience });
  await client.connect();
  return client;
}
