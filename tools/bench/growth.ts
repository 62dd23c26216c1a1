import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { generateOrder } from "../publish/generate-order";
import { type BenchDatabase, SEED } from "./bench-database";
import { createBenchTopic } from "./bench-topic";
import { drain } from "./drain";
import { measureFreshness } from "./freshness";
import { cpuSeconds, memoryOf } from "./machine";
import { fromDebian } from "./programs";
import { readerCommand } from "./reader-command";
import { type Goal, type Measured, ratioOf, rounded, type Series, seriesOf } from "./result";
import { type RunningServer, startServer } from "./servers";
import { load } from "./wrk";

export interface GrowthOptions {
  /** Makes a database that is dropped at the end. */
  readonly openDatabase: () => Promise<BenchDatabase>;
  readonly rounds: number;
  readonly seconds: number;
  /** The largest number of orders. */
  readonly orders: number;
  readonly say: (text: string) => void;
}

interface Grown {
  readonly size: number;
  readonly database: BenchDatabase;
}

const SIZES = [1_000, 100_000, 1_000_000];
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;
/** Asked for at random; of more orders than fit into memory only the newest, which are there. */
const ASKED = 100_000;
const MOST_IN_MEMORY = 1_000_000;
const BOUNDED_CACHE_MIB = 1_024;
const NEWEST = 500_000;
/** Ingested in each round, at most; a third more come before the clock starts. */
const MOST_INGESTED = 30_000;
const WARM_UP = 1 / 3;
/**
 * Ingested in each round where there are more than a million: what a large index costs comes after each checkpoint, and one
 * comes about once in so many orders.
 */
const INGESTED_BETWEEN_CHECKPOINTS = 1_000_000;
/** Up to this size a database is made anew after each round; above it the orders of a round hardly count. */
const SMALL = 100_000;
const READS_BAR = 0.9;
const INGEST_BAR = 0.15;

/** What reads, freshness and ingesting cost at growing numbers of orders, in databases that lie side by side. */
export async function benchGrowth(options: GrowthOptions): Promise<Measured> {
  const { openDatabase, orders, say } = options;
  const wrk = fromDebian("wrk", "wrk", say);
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => {
    say(`${name}: ${rounded(value)}`);
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  const grown: Grown[] = [];
  for (const size of [...SIZES.filter((each) => each < orders), orders]) {
    say(`filling a database with ${size} orders …`);
    const database = await openDatabase();
    await database.fillTo(size);
    grown.push({ size, database });
  }
  await measureReaders(grown, "missing" in wrk ? undefined : wrk.path, options, push);
  await measureIngest(grown, options, push);
  const series = seriesOf(values, unitOf);
  const leftOut = "missing" in wrk ? [`reads, because ${wrk.missing}`] : [];
  const sizes = grown.map(({ size }) => size);
  const besideLeast = (name: string, what: string) => ({
    ...{ name, values: sizes.map((size) => ratioOf(series, rowName(size, what), rowName(sizes[0] ?? 0, what))) },
  });
  const plot = {
    title: "What growing costs, beside the smallest size",
    along: "orders",
    ...{ places: sizes.map((size) => size.toLocaleString("en")), unit: "ratio" },
    lines: [
      besideLeast("reads a second", READS),
      besideLeast("time of a read", READ_TIME),
      besideLeast("orders ingested", INGEST),
      besideLeast("freshness, p99", IN_MEMORY),
    ],
  };
  return { series, goals: goalsOf(series, grown), leftOut, plot };
}

type Push = (name: string, value: number) => void;

const rowName = (size: number, what: string): string => `${size.toLocaleString("en")} orders: ${what}`;
const READS = `reads, ${CONNECTIONS} connections`;
const READ_TIME = "processor time of a read";
const IN_MEMORY = "from commit to in memory, p99";
const INGEST = "ingested";
/** After a checkpoint a page's first change writes all of it into the log: the part of the cost that comes and goes. */
const WHOLE_PAGES = "pages written whole, for 100 orders";

function unitOf(name: string): string {
  if (name.endsWith(READS)) return "req/s";
  if (name.endsWith(INGEST)) return "orders/s";
  if (name.endsWith(WHOLE_PAGES)) return "pages";
  if (name.includes("memory of the reader")) return "MiB";
  return name.includes("processor time") ? "µs" : "ms";
}

async function measureReaders(
  grown: readonly Grown[],
  wrk: string | undefined,
  { rounds, seconds, say }: GrowthOptions,
  push: Push,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "orders-bench-"));
  const running: (Grown & { server: RunningServer; client: pg.Client; requestsFile: string })[] = [];
  try {
    for (const { size, database } of grown) {
      say(`starting a reader on ${size} orders …`);
      const server = await startServer(
        size > MOST_IN_MEMORY ? readerCommand(database.url, BOUNDED_CACHE_MIB) : readerCommand(database.url),
      );
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const requestsFile = join(folder, String(size));
      writeFileSync(requestsFile, askedOf(size));
      running.push({ size, database, server, client, requestsFile });
    }
    for (let round = 0; round < rounds; round++) {
      for (const at of running.keys()) {
        const one = running[(at + round) % running.length];
        if (!one) continue;
        const { size, server, client, requestsFile } = one;
        if (wrk) {
          const wish = { wrk, url: server.url, requestsFile, unknown: 0, connections: CONNECTIONS, seconds };
          if (round === 0) await load({ ...wish, seconds: WARM_UP_SECONDS });
          const before = cpuSeconds(server.pid);
          const { requests, seconds: took } = await load(wish);
          push(rowName(size, READS), requests / took);
          push(rowName(size, READ_TIME), ((cpuSeconds(server.pid) - before) / requests) * 1e6);
        }
        const { readable, inMemory } = await measureFreshness(client, server.url, seconds);
        push(rowName(size, "from commit to readable, p99"), readable);
        push(rowName(size, IN_MEMORY), inMemory);
        push(rowName(size, "memory of the reader"), memoryOf(server.pid).now / 2 ** 20);
      }
    }
  } finally {
    for (const { server, client } of running) {
      await client.end();
      await server.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ids for wrk, a line each: as many at every size, spread over all orders that are in memory. */
function askedOf(size: number): string {
  const [first, last] = [size > MOST_IN_MEMORY ? size - NEWEST : 0, size];
  const count = Math.min(ASKED, last - first);
  const at = (n: number): number => first + Math.floor(((last - first) * n) / count);
  return Array.from({ length: count }, (_, n) => `${generateOrder(SEED, at(n)).id}\n`).join("");
}

async function measureIngest(grown: readonly Grown[], options: GrowthOptions, push: Push): Promise<void> {
  const { rounds, orders, say } = options;
  const warmUp = Math.round(Math.min(MOST_INGESTED, orders) * WARM_UP);
  const ingested = orders > MOST_IN_MEMORY ? INGESTED_BETWEEN_CHECKPOINTS : Math.min(MOST_INGESTED, orders);
  for (let round = 0; round < rounds; round++) {
    const topic = await createBenchTopic();
    try {
      say(`publishing ${warmUp + ingested} orders …`);
      await topic.publish(warmUp + ingested, SEED + 1 + round);
      for (const at of grown.keys()) {
        const one = grown[(at + round) % grown.length];
        if (!one) continue;
        if (one.size <= SMALL) {
          await one.database.empty();
          await one.database.fillTo(one.size);
        }
        const before = await wholePages(one.database.url);
        const drained = await drain({
          ...{ databaseUrl: one.database.url, topic, orders: warmUp + ingested, warmUp, ingestors: 1 },
        });
        push(rowName(one.size, INGEST), drained.orders / drained.seconds);
        if (!Number.isNaN(drained.cpu.PostgreSQL)) {
          const each = (drained.cpu.PostgreSQL / drained.orders) * 1e6;
          push(rowName(one.size, "processor time of PostgreSQL an order"), each);
        }
        const pages = (await wholePages(one.database.url)) - before;
        push(rowName(one.size, WHOLE_PAGES), (100 * pages) / (warmUp + ingested));
      }
    } finally {
      await topic.drop();
    }
  }
}

/** How many pages the server has written whole into its log so far. */
async function wholePages(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ pages: string }>(`SELECT "wal_fpi" AS "pages" FROM pg_stat_wal`);
  await client.end();
  return Number(rows[0]?.pages);
}

function goalsOf(series: readonly Series[], grown: readonly Grown[]): Goal[] {
  const least = grown[0]?.size ?? 0;
  const inMemory = grown.filter(({ size }) => size <= MOST_IN_MEMORY).at(-1)?.size ?? least;
  const most = grown.at(-1)?.size ?? least;
  const ratio = (what: string, size: number) => ratioOf(series, rowName(size, what), rowName(least, what));
  const [reads, ingest] = [ratio(READS, inMemory), ratio(INGEST, most)];
  const from = (size: number): string => `from ${least.toLocaleString("en")} to ${size.toLocaleString("en")} orders`;
  return [
    ...(reads === undefined
      ? []
      : [{ goal: `reads kept ${from(inMemory)}`, value: rounded(reads), bar: READS_BAR, met: reads >= READS_BAR }]),
    ...(ingest === undefined
      ? []
      : [
          {
            goal: `ingest lost ${from(most)}`,
            value: rounded(1 - ingest),
            bar: INGEST_BAR,
            met: 1 - ingest <= INGEST_BAR,
          },
        ]),
  ];
}
