import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { projectRoot } from "../../runtime/project-root";
import { generateOrder } from "../publish/generate-order";
import { type BenchDatabase, SEED } from "./bench-database";
import { type Ingestion, startIngestion } from "./ingestion";
import { secondsInLine } from "./machine";
import { withGoInstall } from "./programs";
import { readerCommand } from "./reader-command";
import { type Goal, type Measured, medianIn, medianOf, rounded, type Series, seriesOf } from "./result";
import { type RunningServer, type ServerCommand, startServer } from "./servers";
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

/** Who answers: the reader, and what only does what node:http costs by itself. */
type Answerer = "reader" | "node:http, 12 bytes";
const ANSWERERS: readonly Answerer[] = ["reader", "node:http, 12 bytes"];

/**
 * How long an answer takes at fixed rates of requests, with nothing else going on and while orders come in; and how much
 * of the time the answerer's thread stood in the line for its core, which is nobody's code.
 */
export async function benchLatency(options: LatencyOptions): Promise<Measured> {
  const { database, rounds, seconds, orders, rates, ingest, say } = options;
  const vegeta = withGoInstall("vegeta", VEGETA, say);
  if ("missing" in vegeta) return { series: [], goals: [], leftOut: [`everything, because ${vegeta.missing}`] };
  await database.fillTo(orders);
  const folder = mkdtempSync(join(tmpdir(), "orders-bench-"));
  const servers = new Map<Answerer, RunningServer>();
  const client = new pg.Client({ connectionString: database.url });
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => void values.set(name, [...(values.get(name) ?? []), value]);
  let ingestion: Ingestion | undefined;
  try {
    await client.connect();
    servers.set("reader", await startServer(readerCommand(database.url)));
    servers.set("node:http, 12 bytes", await startServer(referenceCommand()));
    const targetsFile = (answerer: Answerer): string => join(folder, `targets-${answerer.split(/\W/)[0]}`);
    for (const [answerer, { url }] of servers) writeFileSync(targetsFile(answerer), targetsOf(url, orders));
    const measure = async (answerer: Answerer, rate: number, meanwhile: string): Promise<void> => {
      const { pid = 0 } = servers.get(answerer) ?? {};
      const [waitedBefore, startedAt] = [secondsInLine(pid), performance.now()];
      const latencies = await attack({
        ...{
          vegeta: vegeta.path,
          targetsFile: targetsFile(answerer),
          resultsFile: join(folder, "results"),
          rate,
          seconds,
        },
      });
      const inLine = (secondsInLine(pid) - waitedBefore) / ((performance.now() - startedAt) / 1_000);
      for (const [percentile, ms] of Object.entries(latencies))
        push(rowName(answerer, rate, meanwhile, percentile), ms);
      if (!Number.isNaN(inLine)) push(rowName(answerer, rate, meanwhile, IN_LINE), 100 * inLine);
      say(
        `${answerer}: ${rate} requests/s${meanwhile}: ${JSON.stringify(latencies)}, ${rounded(100 * inLine)} % in line`,
      );
    };
    const measureAll = async (
      meanwhile: string,
      during: (work: () => Promise<void>) => Promise<void>,
    ): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        for (const rate of rates) {
          const inTurns = round % 2 === 0 ? ANSWERERS : ANSWERERS.toReversed();
          for (const answerer of inTurns) await during(() => measure(answerer, rate, meanwhile));
        }
      }
    };
    await measureAll("", (work) => work());
    const running = await startIngestion({ client, databaseUrl: database.url, rate: ingest, warmUpSeconds: seconds });
    ingestion = running;
    await measureAll(whileIngesting(ingest), async (work) => {
      push("orders committed meanwhile", (await running.during(work)).perSecond);
    });
  } finally {
    await ingestion?.stop();
    await client.end();
    for (const { stop } of servers.values()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const series = seriesOf(values, unitOf).map((each) => ({ ...each, ...referenceOf(each.name) }));
  const percentiles = ["p50", "p99", "p99.9"];
  const line = (percentile: string, meanwhile: string) => ({
    name: `${percentile}${meanwhile && ", with orders coming in"}`,
    values: rates.map((rate) => medianIn(series, rowName("reader", rate, meanwhile, percentile))),
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
const IN_LINE = "waiting for a processor";
const rowName = (answerer: Answerer, rate: number, meanwhile: string, what: string): string =>
  `${answerer}, ${rate} requests/s${meanwhile}: ${what}`;

function unitOf(name: string): string {
  if (name.startsWith("orders committed")) return "orders/s";
  return name.endsWith(IN_LINE) ? "%" : "ms";
}

/** What only does what node:http costs, at the same rate and in the same company. */
function referenceOf(name: string): { reference?: string } {
  const [ours, theirs] = ANSWERERS;
  return name.startsWith(`${ours}, `) ? { reference: name.replace(ours ?? "", theirs ?? "") } : {};
}

function referenceCommand(): ServerCommand {
  const program = join(projectRoot(), "dist/tools/bench/references/node-server.js");
  return { command: [process.execPath, program, "fixed"], readyPath: "/" };
}

function goalsOf(series: readonly Series[], ingest: number): Goal[] {
  const name = rowName("reader", 5_000, whileIngesting(ingest), "p99");
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
