import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../runtime/project-root";
import { readSettings } from "../../runtime/settings";
import type { BenchDatabase } from "./bench-database";
import { type BenchTopic, createBenchTopic } from "./bench-topic";
import { type CpuSeconds, cpuOfServer, type Drained, drain } from "./drain";
import { ingestorCommand } from "./ingestor-command";
import type { PlotLine } from "./plot";
import { type Goal, type Measured, medianIn, medianOf, ratioOf, rounded, type Series } from "./result";

export interface IngestOptions {
  readonly database: BenchDatabase;
  readonly rounds: number;
  readonly orders: number;
  /** Sizes of a transaction, in records, beside the one that is shipped. */
  readonly batches: readonly number[];
  /** The rows that are measured; all where it is undefined. */
  readonly only: readonly string[] | undefined;
  readonly say: (text: string) => void;
}

const SEED = 2;
const BAR_ORDERS = 20_000;
const BAR_RATIO = 0.6;
const parts = {
  consume: "kafkajs alone: fetched, decoded and dropped",
  judge: "judging alone",
  store: "storing alone",
} as const;
type Part = keyof typeof parts;
/** What is ingested before the clock starts, as a share of what is measured. */
const WARM_UP = 1 / 3;

/**
 * Orders that wait in Kafka until the last one is committed in PostgreSQL, with the broker and PostgreSQL on the same
 * cores; and each part of it alone, by the same code.
 */
export async function benchIngest(options: IngestOptions): Promise<Measured> {
  const { database, rounds, orders, only, say } = options;
  const shipped = readSettings(["INGESTOR_BATCH_RECORDS"]).INGESTOR_BATCH_RECORDS;
  const batches = [...new Set([...options.batches, shipped])].sort((a, b) => a - b);
  const values = new Map<string, number[]>();
  const warmUp = Math.round(orders * WARM_UP);
  const push = (name: string, { orders, seconds, cpu }: Pick<Drained, "orders" | "seconds"> & PartCpu): void => {
    say(`${name}: ${Math.round(orders / seconds)} orders/s`);
    values.set(name, [...(values.get(name) ?? []), orders / seconds]);
    for (const [process, each] of Object.entries(cpu)) {
      const row = `${name}: processor time of ${process} an order`;
      if (!Number.isNaN(each)) values.set(row, [...(values.get(row) ?? []), (each / orders) * 1e6]);
    }
  };
  const topic = await createBenchTopic();
  const ingest = async (ingestors: number, batchRecords: number): Promise<void> => {
    await database.empty();
    const all = warmUp + orders;
    const drained = await drain({ databaseUrl: database.url, topic, orders: all, warmUp, ingestors, batchRecords });
    push(rowName(ingestors, batchRecords), drained);
  };
  const measurePart = async (part: Part): Promise<void> => {
    await database.empty();
    push(parts[part], await runPart(part, { database, topic, orders, warmUp }));
  };
  const contests = new Map<string, () => Promise<void>>([
    ...batches.map((size) => [rowName(1, size), () => ingest(1, size)] as const),
    [rowName(2, shipped), () => ingest(2, shipped)],
    ...(Object.keys(parts) as Part[]).map((part) => [parts[part], () => measurePart(part)] as const),
  ]);
  const names = [...contests.keys()].filter((name) => only?.includes(name) ?? true);
  if (names.length === 0)
    throw new Error(`none of these takes part. Those that do: ${[...contests.keys()].join(" · ")}`);
  try {
    say(`publishing ${warmUp + orders} orders …`);
    await topic.publish(warmUp + orders, SEED);
    for (let round = 0; round < rounds; round++) {
      // Another one begins in each round.
      for (const at of names.keys()) await contests.get(names[(at + round) % names.length] ?? "")?.();
    }
  } finally {
    await topic.drop();
  }
  const series = inOrder(values, names);
  const flat = (name: string, label: string): PlotLine => ({
    ...{ name: label, values: batches.map(() => medianIn(series, name)), isReference: true },
  });
  const plot = {
    title: "Orders from Kafka to their commit",
    along: "records of a transaction, at most",
    ...{ places: batches.map(String), unit: "orders/s" },
    lines: [
      { name: "one ingestor", values: batches.map((size) => medianIn(series, rowName(1, size))) },
      flat(rowName(2, shipped), `two ingestors, ${shipped}`),
      flat(parts.judge, parts.judge),
      flat(parts.store, parts.store),
    ],
  };
  return { series, goals: goalsOf(series, rowName(1, shipped)), leftOut: [], plot };
}

const rowName = (ingestors: number, batchRecords: number): string =>
  `${ingestors === 1 ? "one ingestor" : "two ingestors"}, transactions of ${batchRecords}`;

/** Rates first, each beside the parts; then the processor times. */
function inOrder(values: ReadonlyMap<string, number[]>, names: readonly string[]): Series[] {
  const cpuNames = names.flatMap((name) => [...values.keys()].filter((each) => each.startsWith(`${name}: processor`)));
  return [...names, ...cpuNames].map((name) => ({
    name,
    unit: names.includes(name) ? "orders/s" : "µs",
    values: values.get(name) ?? [],
  }));
}

function goalsOf(series: readonly Series[], name: string): Goal[] {
  const rates = series.find((each) => each.name === name)?.values;
  if (!rates) return [];
  const rate = medianOf(rates);
  const goal = { goal: `orders/s committed, ${name}`, value: rounded(rate), bar: BAR_ORDERS, met: rate >= BAR_ORDERS };
  const [slowest] = Object.values(parts)
    .map((part) => ({ part, ratio: ratioOf(series, name, part) ?? 0 }))
    .sort((one, other) => other.ratio - one.ratio);
  if (!slowest?.ratio) return [goal];
  const { part, ratio } = slowest;
  return [
    goal,
    { goal: `beside the slowest part alone (${part})`, value: rounded(ratio), bar: BAR_RATIO, met: ratio >= BAR_RATIO },
  ];
}

interface PartCpu {
  readonly cpu: Partial<CpuSeconds>;
}

const run = promisify(execFile);
let partRuns = 0;

async function runPart(
  part: Part,
  { database, topic, orders, warmUp }: { database: BenchDatabase; topic: BenchTopic; orders: number; warmUp: number },
): Promise<{ orders: number; seconds: number } & PartCpu> {
  const program = join(projectRoot(), "dist/tools/bench/references/ingest-part.js");
  const group = `${topic.name}-part-${++partRuns}`;
  const { env } = ingestorCommand({ databaseUrl: database.url, topic, group });
  const postgres = (): number => cpuOfServer(new URL(database.url).port || 5432);
  const before = postgres();
  const { stdout } = await run(process.execPath, [program, part, String(warmUp), String(orders)], { env });
  const done = JSON.parse(stdout) as { orders: number; seconds: number; cpuSeconds: number };
  // The warming up is in it: a process cannot ask for another one's processor time at the right moment.
  const forStoring = part === "store" && { PostgreSQL: ((postgres() - before) * orders) / (warmUp + orders) };
  return { orders: done.orders, seconds: done.seconds, cpu: { ingestor: done.cpuSeconds, ...forStoring } };
}
