import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { ORDERS_CHANNEL } from "../../prisma/order-channel";
import type { BenchDatabase } from "./bench-database";
import { type Ingestion, startIngestion } from "./ingestion";
import { readerCommand } from "./reader-command";
import { type Goal, type Measured, medianOf, percentileOf, rounded, type Series, seriesOf } from "./result";
import { startServer } from "./servers";

export interface FreshnessOptions {
  readonly database: BenchDatabase;
  readonly rounds: number;
  readonly seconds: number;
  readonly orders: number;
  /** Orders a second that come in meanwhile, in one of the phases. */
  readonly ingest: number;
  readonly say: (text: string) => void;
}

/** The reader's READER_POLL_MS, as it is shipped. */
const POLL_MS = 500;
const HISTOGRAM = "orders_reader_freshness_seconds";

interface Phase {
  readonly name: string;
  readonly notice: boolean;
  readonly barMs: number;
}

/**
 * How long after its commit an order can be read, and how long after it it is in the reader's memory. The first is seen
 * from outside, by asking until it is there; what is not in memory is asked of PostgreSQL, so the second is told by the
 * reader's own histogram, which counts from the last order before each of its rounds: without NOTIFY there is therefore
 * at most one between two polls. Orders are committed one at a time at random moments, in the form that the ingestor uses.
 */
export async function benchFreshness(options: FreshnessOptions): Promise<Measured> {
  const { database, rounds, seconds, orders, ingest, say } = options;
  await database.fillTo(orders);
  const server = await startServer(readerCommand(database.url));
  const client = new pg.Client({ connectionString: database.url });
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => void values.set(name, [...(values.get(name) ?? []), value]);
  let ingestion: Ingestion | undefined;
  const idle: Phase = { name: "idle", notice: true, barMs: 20 };
  const silent: Phase = { name: "idle, without NOTIFY", notice: false, barMs: POLL_MS + 50 };
  const busy: Phase = { name: `while ${ingest} orders/s come in`, notice: true, barMs: 100 };
  const measure = async (phase: Phase): Promise<void> => {
    const { p50, readable, inMemory, count } = await measureFreshness(client, server.url, seconds, phase.notice);
    push(rowName(phase, "readable, p50"), p50);
    push(rowName(phase, "readable, p99"), readable);
    push(rowName(phase, "in memory, p99"), inMemory);
    say(`${phase.name}: ${count} orders, in memory after ${inMemory.toFixed(1)} ms (p99)`);
  };
  try {
    await client.connect();
    for (let round = 0; round < rounds; round++) {
      await measure(idle);
      await measure(silent);
    }
    ingestion = await startIngestion({ client, databaseUrl: database.url, rate: ingest, warmUpSeconds: seconds });
    for (let round = 0; round < rounds; round++) {
      const { perSecond } = await ingestion.during(() => measure(busy));
      push("orders committed meanwhile", perSecond);
    }
  } finally {
    await ingestion?.stop();
    await client.end();
    await server.stop();
  }
  const series = seriesOf(values, (name) => (name.startsWith("orders committed") ? "orders/s" : "ms"));
  return { series, goals: [idle, silent, busy].flatMap((phase) => goalOf(series, phase)), leftOut: [] };
}

/** Orders that are committed at random moments for so long: milliseconds until they can be read, and are in memory. */
export async function measureFreshness(
  client: pg.Client,
  url: string,
  seconds: number,
  notice = true,
): Promise<{ count: number; p50: number; readable: number; inMemory: number }> {
  const before = await readHistogram(url);
  const measured: number[] = [];
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until) {
    await delay(Math.random() * 50 + (notice ? 0 : POLL_MS));
    measured.push(await commitAndRead(client, url, notice));
  }
  // The last ones may be in no round of the reader's yet.
  await delay(POLL_MS);
  const inMemory = quantileMs(before, await readHistogram(url), 0.99);
  const [p50, readable] = [percentileOf(measured, 50), percentileOf(measured, 99)];
  return { count: measured.length, p50, readable, inMemory };
}

const rowName = ({ name }: Phase, what: string): string => `${name}: from commit to ${what}`;

function goalOf(series: readonly Series[], phase: Phase): Goal[] {
  const name = rowName(phase, "in memory, p99");
  const value = medianOf(series.find((each) => each.name === name)?.values ?? []);
  return [{ goal: `${name} (ms)`, value: rounded(value), bar: phase.barMs, met: value <= phase.barMs }];
}

/** Stores an order of its own in one statement, and asks for it until it is there; the milliseconds between. */
async function commitAndRead(client: pg.Client, url: string, notice: boolean): Promise<number> {
  const id = `probe-${randomUUID()}`;
  await client.query(
    `WITH moved AS (UPDATE "positions" SET "next_offset" = "next_offset" + 1, "received" = "received" + 1,
                           "stored" = "stored" + 1, "updated_at" = clock_timestamp()
                    WHERE "epoch" = 1 AND "partition" = 0 RETURNING "next_offset"),
          stored AS (INSERT INTO "orders" ("id", "document", "sha256", "epoch", "partition", "offset")
                     SELECT $1, $2, sha256(convert_to($2, 'UTF8')), 1, 0, "next_offset" - 1 FROM moved RETURNING "offset")
     SELECT CASE WHEN $3 THEN pg_notify($4, '1:0:' || "offset" + 1) END FROM stored`,
    [id, `{"order_uid":"${id}"}`, notice, ORDERS_CHANNEL],
  );
  const committedAt = performance.now();
  for (;;) {
    const answer = await fetch(`${url}/orders/${id}`);
    await answer.arrayBuffer();
    if (answer.ok) return performance.now() - committedAt;
  }
}

/** Values so far up to each bound, in ascending order of the bounds (in seconds). */
type Buckets = readonly (readonly [bound: number, count: number])[];

async function readHistogram(url: string): Promise<Buckets> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(new RegExp(`^${HISTOGRAM}_bucket\\{le="([^"]+)"\\} (\\d+)$`, "gm"));
  return [...lines].map(([, bound, count]) => [
    bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound),
    Number(count),
  ]);
}

/** A quantile of what came between two looks, taken as spread evenly within a bucket, as Prometheus takes it. */
function quantileMs(before: Buckets, after: Buckets, quantile: number): number {
  const counts = after.map(([bound, count], at) => [bound, count - (before[at]?.[1] ?? 0)] as const);
  const wanted = quantile * (counts.at(-1)?.[1] ?? 0);
  const at = counts.findIndex(([, count]) => count >= wanted);
  const [lower, below] = counts[at - 1] ?? [0, 0];
  const [upper, count] = counts[at] ?? [Number.NaN, Number.NaN];
  if (!Number.isFinite(upper)) return lower * 1_000;
  return (lower + ((upper - lower) * (wanted - below)) / Math.max(1, count - below)) * 1_000;
}
