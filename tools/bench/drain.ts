import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { BenchTopic } from "./bench-topic";
import { ingestorCommand } from "./ingestor-command";
import { cpuSeconds, cpuSecondsOfFamily, listenerOn } from "./machine";
import { type RunningServer, startServer } from "./servers";

export interface DrainOptions {
  readonly databaseUrl: string;
  readonly topic: BenchTopic;
  /** How many of the topic's records are good: it is over once so many orders are stored, and `until` agrees. */
  readonly orders: number;
  /** So many of them are stored before the clock starts: by then the code is compiled, and pages have been touched. */
  readonly warmUp?: number;
  readonly ingestors: number;
  readonly batchRecords?: number | undefined;
  /** What else has to have happened. */
  readonly until?: (() => Promise<boolean>) | undefined;
}

export interface Drained {
  /** Orders that were stored while the clock ran. */
  readonly orders: number;
  /** From the moment at which the ingestors may begin, or have warmed up, to the commit of the last order. */
  readonly seconds: number;
  /** Until everything was over. */
  readonly secondsInAll: number;
  /** Processor time by process, in seconds; NaN for what is not on this machine. */
  readonly cpu: CpuSeconds;
}

export type CpuSeconds = Readonly<Record<"ingestor" | "PostgreSQL" | "Kafka", number>>;

/** Looking is work for PostgreSQL too, on the cores that are measured. */
const LOOK_EVERY_MS = 30;
const MOVES_WITHIN_MS = 60_000;
let drains = 0;

/**
 * Has what waits in Kafka ingested by processes that have started and joined the group before: they are held back by a
 * lock on the positions, whose release starts the clock, or the warming up.
 *
 * @throws Error when nothing is committed for a minute
 */
export async function drain(options: DrainOptions): Promise<Drained> {
  const { databaseUrl, topic, orders, warmUp = 0, ingestors, batchRecords } = options;
  const group = `${topic.name}-${++drains}`;
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "orders-bench" });
  const running: RunningServer[] = [];
  await client.connect();
  try {
    const countStored = await countedFrom(client, topic.name);
    await client.query(`BEGIN; LOCK TABLE "positions" IN EXCLUSIVE MODE`);
    const command = ingestorCommand({ databaseUrl, topic, group, batchRecords });
    for (let started = 0; started < ingestors; started++) running.push(await startServer(command));
    await topic.untilJoined(group, ingestors);
    const pids = running.map(({ pid }) => pid);
    await client.query("COMMIT");
    const storedBefore = await untilMoved(countStored, warmUp);
    const startedAt = performance.now();
    const before = await cpuNow(pids, databaseUrl);
    const secondsSince = (): number => (performance.now() - startedAt) / 1_000;
    const stored = await untilMoved(countStored, orders);
    const seconds = secondsSince();
    while (options.until && !(await options.until())) await delay(LOOK_EVERY_MS);
    const cpu = difference(await cpuNow(pids, databaseUrl), before);
    return { orders: stored - storedBefore, seconds, secondsInAll: secondsSince(), cpu };
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
    await client.end();
  }
}

/** How many orders of a topic are stored, beside those that are already. */
async function countedFrom(client: pg.Client, topic: string): Promise<() => Promise<number>> {
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ stored: string }>({
      name: "count-stored",
      text: `SELECT coalesce(sum("stored"), 0) AS "stored" FROM "positions" p JOIN "epochs" e ON e."id" = p."epoch"
             WHERE e."topic" = $1`,
      values: [topic],
    });
    return Number(rows[0]?.stored);
  };
  const before = await count();
  return async () => (await count()) - before;
}

/** How many there are once there are so many. */
async function untilMoved(count: () => Promise<number>, wanted: number): Promise<number> {
  let last = 0;
  let movedAt = performance.now();
  for (;;) {
    const counted = await count();
    if (counted >= wanted) return counted;
    if (counted > last) [last, movedAt] = [counted, performance.now()];
    if (performance.now() - movedAt > MOVES_WITHIN_MS) {
      throw new Error(`nothing was committed for a minute: ${counted} of ${wanted} orders are stored`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

async function cpuNow(ingestors: readonly number[], databaseUrl: string): Promise<CpuSeconds> {
  const broker = /:(\d+)/.exec(process.env["KAFKA_BROKERS"] ?? "")?.[1];
  return {
    ingestor: ingestors.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    PostgreSQL: cpuOfServer(new URL(databaseUrl).port || 5432),
    Kafka: cpuOfServer(broker ?? 9092),
  };
}

/** The processor time of the server on a port of this machine, with its children. */
export function cpuOfServer(port: string | number): number {
  const pid = listenerOn(Number(port));
  return pid === undefined ? Number.NaN : cpuSecondsOfFamily(pid);
}

function difference(after: CpuSeconds, before: CpuSeconds): CpuSeconds {
  return {
    ingestor: after.ingestor - before.ingestor,
    PostgreSQL: after.PostgreSQL - before.PostgreSQL,
    Kafka: after.Kafka - before.Kafka,
  };
}
