import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type GeneratedOrder, generateOrder } from "../tools/publish/generate-order";
import { type BreakablePostgres, startBreakablePostgres } from "./support/breakable-postgres";
import { produce } from "./support/kafka-records";
import { type RunningIngestor, runIngestor } from "./support/run-ingestor";
import { type RunningReader, runReader } from "./support/run-reader";
import { createTestTopic, type TestTopic } from "./support/test-topic";
import { timeOf } from "./support/time-of";
import { waitUntil } from "./support/wait-until";

// Both processes on a PostgreSQL that is stopped under them, and once put back to an older copy.

let postgres: BreakablePostgres;
let orders: TestTopic;
let ingestor: RunningIngestor;
let reader: RunningReader;
const published: GeneratedOrder[] = [];

beforeAll(async () => {
  [postgres, orders] = await Promise.all([startBreakablePostgres(), createTestTopic({ partitions: 3 })]);
  reader = await runReader({ DATABASE_URL: postgres.urls.reader });
  ingestor = await runIngestor({
    KAFKA_BROKERS: orders.brokers.join(","),
    KAFKA_TOPIC: orders.name,
    KAFKA_DLQ_TOPIC: orders.name,
    KAFKA_GROUP: orders.name,
    DATABASE_URL: postgres.urls.ingestor,
    INGESTOR_BATCH_RECORDS: "20",
  });
});

afterAll(async () => {
  await ingestor?.stop("SIGKILL");
  await reader?.stop();
  await Promise.all([orders?.drop(), postgres?.drop()]);
});

/** Publishes so many further orders, and returns them. */
async function publish(count: number): Promise<readonly GeneratedOrder[]> {
  const further = Array.from({ length: count }, (_, index) => generateOrder(1, published.length + index));
  published.push(...further);
  const messages = further.map(({ id, bytes }) => ({ key: id, value: bytes }));
  await produce(orders.brokers, orders.name, messages);
  return further;
}

async function publishInTurns(turns: number, each: number): Promise<readonly GeneratedOrder[]> {
  const all: GeneratedOrder[] = [];
  for (let turn = 0; turn < turns; turn++) all.push(...(await publish(each)));
  return all;
}

async function count(table: string): Promise<number> {
  const [row] = await postgres.asSuperuser(`SELECT count(*)::int AS rows FROM ${table}`);
  return Number(row?.["rows"]);
}

async function counters(): Promise<unknown> {
  const [row] = await postgres.asSuperuser(`
    SELECT sum(received)::int AS received, sum(stored)::int AS stored, sum(duplicate)::int AS duplicate,
           sum(dead)::int AS dead, (SELECT count(*)::int FROM orders) AS rows FROM positions`);
  return row;
}

async function untilAllStored(): Promise<void> {
  const expected = {
    received: published.length,
    stored: published.length,
    duplicate: 0,
    dead: 0,
    rows: published.length,
  };
  await waitUntil("all orders stored", async () => JSON.stringify(await counters()) === JSON.stringify(expected));
}

const ask = (id: string): Promise<Response> => fetch(`${reader.url}/orders/${id}`);

/** Whether each of these is readable with its very bytes; those that are once are not asked for again. */
async function untilReadable(wanted: readonly GeneratedOrder[], limitMs: number): Promise<void> {
  const missing = new Map(wanted.map(({ id, bytes }) => [id, bytes]));
  const isEach = async (): Promise<boolean> => {
    for (const [id, bytes] of missing) {
      const answer = await ask(id);
      if (answer.status !== 200 || !bytes.equals(Buffer.from(await answer.arrayBuffer()))) return false;
      missing.delete(id);
    }
    return true;
  };
  await waitUntil(`${wanted.length} orders readable`, isEach, { limitMs });
}

// G3. Fails when a batch that could not be stored is passed over, or dead-lettered (store-patiently.ts).
test("PostgreSQL is stopped for 4 s with 200 orders in flight: none is lost, all are readable 2 s after its return", async () => {
  const atRest = await timeOf(async () => untilReadable(await publishInTurns(10, 20), 60_000));
  const before = await count("orders");
  const publishing = publishInTurns(9, 20);
  await waitUntil("some are stored", async () => (await count("orders")) > before, { everyMs: 1 });
  await postgres.stop();
  const [first, last] = await Promise.all([
    publishing,
    // In flight in any case, however quick the others were.
    publish(20),
    waitUntil("the ingestor has orders to store", async () => (await ingestor.readiness()).status === 503),
    delay(4_000),
  ]);
  await postgres.start();
  const took = await timeOf(() => untilReadable([...first, ...last], 60_000));
  // Two seconds of waiting at most; what the work itself takes is a matter of the machine.
  // What the ingestor's share of them is, for each fault, is measured by `npm run bench -- recovery`.
  expect(took).toBeLessThan(2_000 + atRest);
  await untilAllStored();
});

// G2, G6. Fails when the ingestor believes its own position more than PostgreSQL's (watch-positions.ts), or when the
// reader forgets what it has in memory because PostgreSQL does not have it any more.
test("a cold copy that is put back is refilled to equality, and the reader never answers 404 meanwhile", async () => {
  await publish(300);
  await untilAllStored();
  const data = postgres.home.path("postgres/data");
  await postgres.stop();
  execFileSync("cp", ["-a", data, `${data}.copy`]);
  await postgres.start();
  await publish(COPY_IS_BEHIND_BY);
  await untilAllStored();
  await untilReadable(published, 60_000);
  const before = await contents();

  const answers = new Map<number, number>();
  let isOver = false;
  const asking = (async () => {
    for (let index = 0; !isOver; index = (index + 7) % published.length) {
      const { status } = await ask(published[index]?.id ?? "");
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  })();
  await postgres.stop();
  rmSync(data, { recursive: true });
  execFileSync("mv", [`${data}.copy`, data]);
  await postgres.start();
  await untilAllStored();
  isOver = true;
  await asking;

  expect(await contents()).toEqual(before);
  expect([...answers.keys()]).toEqual([200]);
  expect(ingestor.log.filter(({ event }) => event === "positions.restored")).not.toEqual([]);
  await untilReadable(published, 60_000);
});

const COPY_IS_BEHIND_BY = 1_000;

/** Of every table that tells of records, as one digest each. */
async function contents(): Promise<unknown> {
  const [row] = await postgres.asSuperuser(`
    SELECT (SELECT md5(string_agg(o::text, '' ORDER BY id)) FROM orders o) AS orders,
           (SELECT md5(string_agg((epoch, partition, next_offset, received, stored, last_digest)::text, ''
                   ORDER BY epoch, partition)) FROM positions) AS positions`);
  return row;
}
