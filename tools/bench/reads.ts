import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateOrder } from "../publish/generate-order";
import { SEED } from "./bench-database";
import { cpuSeconds } from "./machine";
import { fromDebian } from "./programs";
import { type Contestant, findContestants } from "./reads-contestants";
import { cpuRowName, type Measurable, measureRounds, rowName } from "./reads-rounds";
import { type Measured, medianIn, ratioGoal, type Series } from "./result";
import { type RunningServer, startServer } from "./servers";
import { load } from "./wrk";

export interface ReadsOptions {
  readonly databaseUrl: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly orders: number;
  readonly connections: readonly number[];
  readonly only: readonly string[] | undefined;
  readonly say: (text: string) => void;
}

interface Running extends Omit<Contestant, "server">, Pick<Measurable, "isReference"> {
  readonly server: RunningServer;
}

/** Compared with what was published while each load runs. */
const SAMPLES = 20;
const WARM_UP_SECONDS = 1;
/** One in ten. */
const UNKNOWN = 0.1;

/**
 * A reference that fails is left out, with the reason.
 *
 * @throws Error when wrk cannot be had, a server does not start, or an answer of the reader is not what it has to be
 */
export async function benchReads(options: ReadsOptions): Promise<Measured> {
  const { rounds, seconds, orders, connections, only, say } = options;
  const wrk = fromDebian("wrk", "wrk", say);
  if ("missing" in wrk) throw new Error(wrk.missing);
  const folder = mkdtempSync(join(tmpdir(), "orders-bench-"));
  const running: Running[] = [];
  const leftOut: string[] = [];
  let values: ReadonlyMap<string, readonly number[]> = new Map();
  try {
    const ordersFile = join(folder, "orders");
    const requestsFiles = writeFiles(folder, ordersFile, orders);
    const contestants = findContestants({ ...options, folder, ordersFile });
    for (const contestant of contestants) {
      if (only && !only.includes(contestant.name)) continue;
      if ("missing" in contestant) leftOut.push(`${contestant.name}, because ${contestant.missing}`);
      else {
        const isReference = !contestant.name.startsWith("reader");
        running.push({ ...contestant, isReference, server: await startServer(contestant.server) });
      }
    }
    if (running.length === 0) {
      throw new Error(`none of these takes part. Those that do: ${contestants.map(({ name }) => name).join(" · ")}`);
    }
    const measure = async (one: Running, count: number, during: number): Promise<[number, number]> => {
      const { pid, url } = one.server;
      const before = cpuSeconds(pid);
      const loaded = load({
        ...{ wrk: wrk.path, url, connections: count, seconds: during },
        ...{ requestsFile: requestsFiles[one.asks ?? "at random"], unknown: one.asks === "some unknown" ? UNKNOWN : 0 },
      });
      const compared = compareSamples(one, orders);
      // Whatever fails is told when both have ended: nothing else is measured beside wrk.
      await Promise.allSettled([loaded, compared]);
      await compared;
      const result = await loaded;
      const cpu = cpuSeconds(pid) - before;
      return [result.requests / result.seconds, (cpu / (result.requests + SAMPLES)) * 1e6];
    };
    for (const one of running) {
      // Whether a reference takes part is found out as it is measured.
      await measure(one, connections[0] ?? 1, WARM_UP_SECONDS).catch((error: unknown) => {
        if (!one.isReference) throw error;
        say(`warming up: ${one.name}: ${error instanceof Error ? error.message : error}`);
      });
    }
    const measured = await measureRounds(running, {
      ...{ rounds, connections, say },
      measure: (one, count) => measure(one, count, seconds),
    });
    values = measured.values;
    leftOut.push(...measured.leftOut);
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
  const series = connections.flatMap((count) => rowsOf(running, values, count));
  const plot = {
    title: "Reads of orders at random on one core",
    along: "connections",
    ...{ places: connections.map(String), unit: "req/s" },
    lines: running
      .filter(({ asks }) => !asks)
      .map(({ name, isReference }) => ({
        name,
        values: connections.map((count) => medianIn(series, rowName(name, count))),
        isReference,
      })),
  };
  return { series, goals: goalsOf(series, connections[0] ?? 0), leftOut, plot };
}

function rowsOf(running: readonly Running[], values: ReadonlyMap<string, readonly number[]>, count: number): Series[] {
  return [rowName, cpuRowName].flatMap((nameOf, isCpu) =>
    running
      .filter(({ name }) => values.has(nameOf(name, count)))
      .map(({ name }) => ({
        name: nameOf(name, count),
        unit: isCpu ? "µs" : "req/s",
        values: values.get(nameOf(name, count)) ?? [],
        reference: nameOf("node:http, 12 bytes", count),
      })),
  );
}

function goalsOf(series: readonly Series[], count: number): Measured["goals"] {
  const against = (reference: string): [string, string] => [rowName("reader", count), rowName(reference, count)];
  return [
    ...ratioGoal(
      series,
      `reads beside node:http with 12 bytes, ${count} connections`,
      against("node:http, 12 bytes"),
      0.9,
    ),
    ...ratioGoal(series, `reads beside Koa alone, ${count} connections`, against("Koa, a Buffer"), 2),
    ...ratioGoal(series, `reads beside nginx, ${count} connections`, against("nginx, a static file"), 0.75),
  ];
}

/** The orders for servers that read them from a file, and what is asked of servers by each kind of load. */
function writeFiles(folder: string, ordersFile: string, orders: number) {
  const all = Array.from({ length: orders }, (_, index) => generateOrder(SEED, index));
  const write = (name: string, lines: readonly string[]): string => {
    const file = join(folder, name);
    writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
    return file;
  };
  const ids = all.map(({ id }) => id);
  writeFileSync(ordersFile, all.map(({ id, bytes }) => `${id}\t${bytes}\n`).join(""));
  const everyKnown = write("ids", ids);
  return {
    "at random": everyKnown,
    "beside the cache": everyKnown,
    "some unknown": write(
      "ids-and-others",
      ids.flatMap((id, n) => (n % 9 === 0 ? [id, `unknown-${id}`] : [id])),
    ),
    conditionally: write(
      "ids-and-tags",
      all.map(({ id, bytes }) => `${id}\t"${createHash("sha256").update(bytes).digest("hex")}"`),
    ),
  };
}

async function compareSamples({ name, server, answers }: Running, orders: number): Promise<void> {
  for (let sample = 0; sample < SAMPLES; sample++) {
    const { id, bytes } = generateOrder(SEED, Math.floor((orders * sample) / SAMPLES));
    const expected = answers === "the order" ? bytes : Buffer.from(answers);
    const answer = await fetch(`${server.url}/orders/${id}`);
    if (!answer.ok || !expected.equals(Buffer.from(await answer.arrayBuffer()))) {
      throw new Error(`${name} has answered /orders/${id} wrongly (${answer.status})`);
    }
  }
}
