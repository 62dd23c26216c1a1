import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { testAddress } from "../e2e/support/test-address";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { projectRoot } from "../runtime/project-root";

const run = promisify(execFile);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

/** The shape of the result, never its figures: those belong to the machine. */
async function bench(...args: string[]): Promise<{
  rows: Record<string, unknown>;
  goals: { goal: string }[];
  said: string;
}> {
  const { stdout, stderr } = await run(
    process.execPath,
    [join(projectRoot(), "dist/tools/bench.js"), ...args, "--json"],
    {
      // Without Go, where it is a folder of its own: building its reference for the first time takes half a minute.
      env: {
        ...{ ...process.env, PATH: "/usr/bin:/bin:/usr/sbin", DATABASE_URL: database.ownerUrl },
        KAFKA_BROKERS: testAddress("TEST_KAFKA_BROKERS"),
      },
    },
  );
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  expect(result).toMatchObject({ bench: args[0], machine: expect.stringContaining("cores") });
  for (const row of Object.values(result.rows)) {
    expect(row).toEqual({
      ...{ median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) },
      unit: expect.stringMatching(/./),
    });
  }
  return { ...result, said: stderr };
}

test("reads measures the reader beside others, and checks their answers", async () => {
  const servers = ["reader", "reader, every tenth id unknown", "node:http, 12 bytes", "Koa, a Buffer"];
  const sizes = ["--rounds", "1", "--seconds", "1", "--orders", "50", "--connections", "4"];
  const { rows, goals } = await bench("reads", ...sizes, "--only", ...servers);
  expect(Object.keys(rows).sort()).toEqual(
    servers.flatMap((name) => [`${name}, 4 connections`, `${name}, 4 connections, processor time`]).sort(),
  );
  expect(goals).toContainEqual({
    goal: "reads beside node:http with 12 bytes, 4 connections",
    ...{ value: expect.any(Number), bar: 0.9, met: expect.any(Boolean) },
  });
});

test("ingest measures the way from Kafka to the commit, and its parts alone", async () => {
  const ingested = ["one ingestor, transactions of 50", "storing alone", "judging alone"];
  const sizes = ["--rounds", "1", "--orders", "100", "--batches", "50"];
  const { rows } = await bench("ingest", ...sizes, "--only", ...ingested);
  for (const name of ingested) {
    expect(rows).toHaveProperty([name]);
    expect(rows).toHaveProperty([`${name}: processor time of ingestor an order`]);
  }
});

test("poison measures dead letters, and the good orders between bad records", async () => {
  const { rows, goals } = await bench("poison", "--rounds", "1", "--orders", "2000");
  expect((rows["dead letters acknowledged meanwhile"] as { max: number }).max).toBeGreaterThan(0);
  expect(goals.map(({ goal }) => goal)).toEqual([
    "dead letters a second",
    "good orders beside those without bad ones, one in ten bad",
    "good orders beside those without bad ones, every other bad",
  ]);
});

test("boot measures the start", async () => {
  const { rows } = await bench("boot", "--rounds", "1", "--orders", "100");
  expect(rows).toHaveProperty(["100 orders: start to ready"]);
});

test("latency measures with vegeta, or says that it is not there", async () => {
  const options = ["--rounds", "1", "--seconds", "1", "--orders", "50", "--rates", "50", "--ingest", "50"];
  const { rows, said } = await bench("latency", ...options);
  if (said.includes("vegeta is not here")) expect(rows).toEqual({});
  else expect(rows).toHaveProperty(["reader, 50 requests/s while 50 orders/s come in: p99.9"]);
});

// These wait more than they work: they run side by side.
test.concurrent("growth measures readers and ingesting at each size", async () => {
  const { rows, goals } = await bench("growth", "--rounds", "1", "--seconds", "1", "--orders", "300");
  for (const what of ["from commit to in memory, p99", "ingested"])
    expect(rows).toHaveProperty([`300 orders: ${what}`]);
  expect(goals).toContainEqual(expect.objectContaining({ goal: "ingest lost from 300 to 300 orders", bar: 0.15 }));
});

test.concurrent("freshness measures orders of its own, and those that come in through Kafka", async () => {
  const { rows, goals } = await bench(
    "freshness",
    "--rounds",
    "1",
    "--seconds",
    "1",
    "--orders",
    "50",
    "--ingest",
    "50",
  );
  const phases = ["idle", "idle, without NOTIFY", "while 50 orders/s come in"];
  for (const phase of phases) expect(rows).toHaveProperty([`${phase}: from commit to readable, p99`]);
  expect((rows["orders committed meanwhile"] as { max: number }).max).toBeGreaterThan(0);
  expect(goals.map(({ goal }) => goal)).toEqual(phases.map((phase) => `${phase}: from commit to in memory, p99 (ms)`));
});

test.concurrent("recovery measures how soon a part's return is noticed, in a system of its own", async () => {
  const sizes = ["--rounds", "1", "--away", "1", "--orders", "500"];
  const { rows, goals } = await bench("recovery", ...sizes, "--only", "Redis stopped and started");
  const names = ["first dead letter delivered", "all dead letters delivered"];
  expect(Object.keys(rows)).toEqual(names.map((name) => `Redis stopped and started: ${name}`));
  expect(goals).toContainEqual({
    goal: "Redis stopped and started: first dead letter delivered, longest (s)",
    ...{ value: expect.any(Number), bar: 2, met: expect.any(Boolean) },
  });
});

test("a name that it does not know is told, with exit code 2", async () => {
  await expect(bench("nothing")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("reads, latency, ingest, poison, boot, freshness, growth, memory, recovery, idle"),
  });
});
