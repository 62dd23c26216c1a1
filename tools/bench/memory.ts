import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { type HalfOpenProxy, startHalfOpenProxy } from "../chaos/half-open-proxy";
import type { BenchDatabase } from "./bench-database";
import { type BenchTopic, createBenchTopic } from "./bench-topic";
import { ingestorCommand } from "./ingestor-command";
import { memoryOf } from "./machine";
import { type Measured, medianOf, rounded } from "./result";
import { startServer } from "./servers";

export interface MemoryOptions {
  readonly database: BenchDatabase;
  readonly orders: number;
  /** How long PostgreSQL is out of reach, once half of the orders are stored. */
  readonly awaySeconds: number;
  readonly say: (text: string) => void;
}

/** Among the orders, evenly, and each of the size that the topic takes at most: they become dead letters. */
const LARGE_RECORDS = 40;
const LARGE_BYTES = 8 * 1_048_576 - 1_024;
const SAMPLE_EVERY_MS = 500;
/** Of the orders; what is taken before is the start's. */
const WARM_UP = 0.1;
const BAR_MIB = 64;
const SEED = 4;

/**
 * What the ingestor holds in memory while orders come in as fast as they can, with records of 8 MiB among them and
 * PostgreSQL away for a while. It is over when each of them is stored or a dead letter.
 */
export async function benchMemory({ database, orders, awaySeconds, say }: MemoryOptions): Promise<Measured> {
  const topic = await createBenchTopic();
  const proxy = await startHalfOpenProxy(database.url);
  const client = new pg.Client({ connectionString: database.url, application_name: "orders-bench" });
  await client.connect();
  const command = ingestorCommand({ databaseUrl: proxy.url, topic, group: topic.name });
  const ingestor = await startServer(command);
  const samples: { readonly stored: number; readonly mib: number }[] = [];
  let away: Promise<void> | undefined;
  const sampling = async (): Promise<void> => {
    for (;;) {
      const { stored, dead } = await countOutcomes(client, topic.name);
      samples.push({ stored, mib: memoryOf(ingestor.pid).now / 2 ** 20 });
      if (stored >= orders && dead >= LARGE_RECORDS) return;
      if (stored >= orders / 2) away ??= takeAway(proxy, awaySeconds, say);
      await delay(SAMPLE_EVERY_MS);
    }
  };
  try {
    await Promise.all([publishWithLargeOnes(topic, orders), sampling()]);
    await away;
  } finally {
    await ingestor.stop();
    await client.end();
    await proxy.close();
    await topic.drop();
  }
  return describeSamples(samples.filter(({ stored }) => stored >= orders * WARM_UP).map(({ mib }) => mib));
}

async function takeAway(proxy: HalfOpenProxy, seconds: number, say: MemoryOptions["say"]): Promise<void> {
  say(`half of the orders are stored: PostgreSQL is away for ${seconds} s`);
  proxy.refuse();
  await delay(seconds * 1_000);
  proxy.recover();
}

async function publishWithLargeOnes(topic: BenchTopic, orders: number): Promise<void> {
  const share = Math.ceil(orders / LARGE_RECORDS);
  for (let part = 0; part < LARGE_RECORDS; part++) {
    const count = Math.min(share, orders - part * share);
    if (count > 0) await topic.publish(count, SEED + part);
    await topic.publishValue(Buffer.alloc(LARGE_BYTES, `${part} `));
  }
}

async function countOutcomes(client: pg.Client, topic: string): Promise<{ stored: number; dead: number }> {
  const { rows } = await client.query<{ stored: string; dead: string }>(
    `SELECT coalesce(sum("stored"), 0) AS "stored", coalesce(sum("dead"), 0) AS "dead"
     FROM "positions" p JOIN "epochs" e ON e."id" = p."epoch" WHERE e."topic" = $1`,
    [topic],
  );
  return { stored: Number(rows[0]?.stored), dead: Number(rows[0]?.dead) };
}

function describeSamples(values: readonly number[]): Measured {
  const median = medianOf(values);
  const quarter = Math.ceil(values.length / 4);
  const trend = medianOf(values.slice(-quarter)) - medianOf(values.slice(0, quarter));
  const goal = (what: string, value: number) => ({
    goal: `${what}, MiB`,
    value: rounded(value),
    bar: BAR_MIB,
    met: value <= BAR_MIB,
  });
  return {
    series: [{ name: "ingestor, resident after the first tenth", unit: "MiB", values }],
    goals: [
      goal("most above the median", Math.max(...values) - median),
      goal("median above the least", median - Math.min(...values)),
      goal("last quarter's median above the first quarter's", trend),
    ],
    leftOut: [],
  };
}
