import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { generateOrder } from "../publish/generate-order";
import { type BenchDatabase, SEED } from "./bench-database";
import { type Ingestion, startIngestion } from "./ingestion";
import { withGoInstall } from "./programs";
import { readerCommand } from "./reader-command";
import { type Goal, type Measured, medianIn, medianOf, rounded, type Series, seriesOf } from "./result";
import { startServer } from "./servers";
import { attack } from "./vegeta";

export interface LatencyOptions {
  readonly database: BenchDatabase;
  readonly rounds: number;
  readonly seconds: number;
  readonly orders: number;
  /** Requests a second, each measured by itself. */
  readonly rates: readonly number[];
  /** Orders a second that come in meanwhile, in the second half. */
  readonly ingest: number;
  readonly say: (text: string) => void;
}

const VEGETA = "github.com/tsenart/vegeta/v12@v12.13.0";
const BAR_MS = 10;

/** How long an answer takes at fixed rates of requests, with nothing else going on and while orders come in. */
export async function benchLatency(options: LatencyOptions): Promise<Measured> {
  const { database, rounds, seconds, orders, rates, ingest, say } = options;
  const vegeta = withGoInstall("vegeta", VEGETA, say);
  if ("missing" in vegeta) return { series: [], goals: [], leftOut: [`everything, because ${vegeta.missing}`] };
  await database.fillTo(orders);
  const folder = mkdtempSync(join(tmpdir(), "orders-bench-"));
  const server = await startServer(readerCommand(database.url));
  const client = new pg.Client({ connectionString: database.url });
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => void values.set(name, [...(values.get(name) ?? []), value]);
  let ingestion: Ingestion | undefined;
  try {
    await client.connect();
    const targetsFile = join(folder, "targets");
    writeFileSync(targetsFile, targetsOf(server.url, orders));
    const measure = async (rate: number, meanwhile: string): Promise<void> => {
      const latencies = await attack({
        ...{ vegeta: vegeta.path, targetsFile, resultsFile: join(folder, "results"), rate, seconds },
      });
      for (const [percentile, ms] of Object.entries(latencies)) push(rowName(rate, meanwhile, percentile), ms);
      say(`${rate} requests/s${meanwhile}: ${JSON.stringify(latencies)}`);
    };
    for (let round = 0; round < rounds; round++) for (const rate of rates) await measure(rate, "");
    ingestion = await startIngestion({ client, databaseUrl: database.url, rate: ingest });
    for (let round = 0; round < rounds; round++) {
      for (const rate of rates) {
        const { perSecond } = await ingestion.during(() => measure(rate, whileIngesting(ingest)));
        push(`orders committed meanwhile, ${rate} requests/s`, perSecond);
      }
    }
  } finally {
    await ingestion?.stop();
    await client.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const series = seriesOf(values, (name) => (name.startsWith("orders committed") ? "orders/s" : "ms"));
  const percentiles = ["p50", "p99", "p99.9"];
  const line = (percentile: string, meanwhile: string) => ({
    name: `${percentile}${meanwhile && ", with orders coming in"}`,
    values: rates.map((rate) => medianIn(series, rowName(rate, meanwhile, percentile))),
    isReference: meanwhile === "",
  });
  const plot = {
    title: "Latency at fixed rates of requests",
    along: "requests a second",
    ...{ places: rates.map((rate) => rate.toLocaleString("en")), unit: "ms" },
    lines: ["", whileIngesting(ingest)].flatMap((meanwhile) => percentiles.map((each) => line(each, meanwhile))),
  };
  return { series, goals: goalsOf(series, ingest), leftOut: [], plot };
}

const whileIngesting = (ingest: number): string => ` while ${ingest} orders/s come in`;
const rowName = (rate: number, meanwhile: string, percentile: string): string =>
  `${rate} requests/s${meanwhile}: ${percentile}`;

function goalsOf(series: readonly Series[], ingest: number): Goal[] {
  const name = rowName(5_000, whileIngesting(ingest), "p99");
  return series
    .filter((each) => each.name === name)
    .map(({ values }) => ({ value: medianOf(values) }))
    .map(({ value }) => ({ goal: `${name} (ms)`, value: rounded(value), bar: BAR_MS, met: value <= BAR_MS }));
}

/** Every order once, in an order that has nothing to do with how they lie in memory. */
function targetsOf(url: string, orders: number): string {
  const step = 7_919;
  return Array.from(
    { length: orders },
    (_, n) => `GET ${url}/orders/${generateOrder(SEED, (n * step) % orders).id}\n`,
  ).join("");
}
