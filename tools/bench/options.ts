import { Argument, Command } from "commander";
import { parseCommandLine, wholeNumber } from "../command-line";

export const benchNames = [
  "reads",
  "latency",
  "ingest",
  "poison",
  "boot",
  "freshness",
  "growth",
  "memory",
  "recovery",
  "idle",
] as const;
export type BenchName = (typeof benchNames)[number];

/** As many as the goals speak of, and as fit into four minutes. */
const ORDERS: Readonly<Record<BenchName, number>> = {
  reads: 100_000,
  latency: 100_000,
  ingest: 150_000,
  poison: 20_000,
  boot: 1_000_000,
  freshness: 100_000,
  growth: 1_000_000,
  memory: 1_000_000,
  recovery: 100_000,
  idle: 0,
};
/** Seconds: what shows in memory takes longer than what shows in time. */
const AWAY = { memory: 60, recovery: 4 } as const;
/** Of load, and of looking on. */
const SECONDS = 3;
const IDLE_SECONDS = 60;

export interface BenchOptions {
  readonly name: BenchName;
  readonly rounds: number;
  /** Of load a round and server. */
  readonly seconds: number;
  readonly orders: number;
  /** How many connections the load keeps open: each number is measured by itself. */
  readonly connections: readonly number[];
  /** reads, ingest: the rows that are measured; recovery: the faults. All where it is undefined. */
  readonly only: readonly string[] | undefined;
  /** Requests a second: each is measured by itself. */
  readonly rates: readonly number[];
  /** Orders a second that come in meanwhile. */
  readonly ingest: number;
  /** memory, recovery: seconds for which PostgreSQL, or whatever it is, is out of reach. */
  readonly away: number;
  /** idle: seconds for which the system must have run. */
  readonly settle: number;
  /** Records of a transaction: each number is measured by itself. */
  readonly batches: readonly number[];
  readonly json: boolean;
  /** Put the result into docs/stress-test.md. */
  readonly write: boolean;
}

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[]): BenchOptions {
  const command = new Command("npm run bench --")
    .description("Measures what Orders can do on this machine, beside references in the same run.")
    .addArgument(new Argument("<NAME>", "what to measure").choices(benchNames))
    .option("--rounds <N>", "measure everything so many times, in turns", wholeNumber(1), 5)
    .option("--seconds <S>", `seconds of load a round (default: ${SECONDS}; idle: ${IDLE_SECONDS})`, wholeNumber(1))
    .option("--orders <N>", "orders in the database, or in Kafka (default: by bench)", wholeNumber(1))
    .option("--connections <N...>", "connections of the load (default: 64 256)")
    .option("--only <ROW...>", 'reads, ingest, recovery: measure these alone, such as reader "node:http, 12 bytes"')
    .option("--rates <N...>", "latency: requests a second (default: 1000 5000 10000)")
    .option("--ingest <N>", "latency, freshness: orders a second that come in meanwhile", wholeNumber(1), 5_000)
    .option("--batches <N...>", "ingest: records of a transaction (default: 100 500 1000 2000)")
    .option("--away <S>", "memory, recovery: seconds for which a part is away (default: 60, 4)", wholeNumber(1))
    .option("--settle <S>", "idle: seconds that the system must have run before", wholeNumber(0), 180)
    .option("--write", "put the result into docs/stress-test.md")
    .option("--json", "end with one line {bench, machine, rows, goals} on standard output")
    .addHelpText("after", notes);
  const parsed = parseCommandLine(command, args);
  const {
    connections = ["64", "256"],
    rates = ["1000", "5000", "10000"],
    batches = ["100", "500", "1000", "2000"],
    only,
    ...given
  } = parsed.opts<
    Pick<BenchOptions, "rounds" | "ingest" | "settle"> & {
      seconds?: number;
      away?: number;
      orders?: number;
      connections?: string[];
      only?: string[];
      rates?: string[];
      batches?: string[];
      json?: true;
      write?: true;
    }
  >();
  const name = parsed.args[0] as BenchName;
  return {
    orders: ORDERS[name],
    away: name === "recovery" ? AWAY.recovery : AWAY.memory,
    seconds: name === "idle" ? IDLE_SECONDS : SECONDS,
    ...{ json: false, write: false, ...given },
    only,
    connections: connections.map(wholeNumber(1)),
    rates: rates.map(wholeNumber(1)),
    batches: batches.map(wholeNumber(1)),
    name,
  };
}

const notes = `
reads      requests a second for orders in memory, the reader beside other
           servers, each on one core
latency    how long an answer takes at fixed rates of requests, also while
           orders come in through Kafka
ingest     orders that wait in Kafka until they are committed: one and two
           ingestors, by the size of their transactions
poison     the same while every other record is bad: dead letters a second, and
           what the good ones lose
boot       from the reader's start to /readyz, and what it then takes, at 10,000
           and 100,000 orders and at --orders
freshness  from an order's commit to its being readable, and in memory: idle,
           without NOTIFY, while orders come in
growth     reads, freshness and ingesting at 1,000 and 100,000 orders and at
           --orders, side by side
memory     what the ingestor holds while --orders come in, with 40 records of
           8 MiB and PostgreSQL away for a minute
recovery   how soon the ingestor goes on when PostgreSQL, Kafka or Redis comes
           back from being stopped, killed, frozen or half-open, and what it
           holds while --orders wait. Starts parts of its own, breaks those and
           removes them
idle       what a running npm start uses while nothing comes in: processor and
           memory, part by part. Only looks on

All but recovery and idle need a PostgreSQL that runs (npm start, or npm run
services with ORDERS_HOME=.local/test) and its owner's DATABASE_URL; they work
in a database of their own there, which they remove. Only this machine is
loaded. All but reads and boot need Kafka too. What is missing (wrk, vegeta,
nginx) is installed where that can be done, otherwise told, and its row is left
out.

Examples:
  npm run bench -- ingest
  npm run bench -- reads --rounds 3 --connections 64
  npm run bench -- boot --orders 100000 --write

Exit codes: 0 measured, 1 it could not be, 2 used wrongly. Goals that are missed
do not change it.`;
