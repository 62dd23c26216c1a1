import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Message } from "kafkajs";
import pg from "pg";
import { exampleOrder, orderWithId } from "../../e2e/support/judged-records";
import { produce } from "../../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../../e2e/support/run-ingestor";
import { createTestDatabase, type TestDatabase } from "../../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../../e2e/support/test-topic";
import { waitUntil } from "../../e2e/support/wait-until";
import { asKafkajsHeaders } from "../../runtime/kafka/headers";
import { projectRoot } from "../../runtime/project-root";
import type { AuditResult } from "./report";

// For the tests of the tools that look at a running system: one of a test's own, and the tools run as people do.

const home = mkdtempSync(join(tmpdir(), "orders-tools-"));
afterAll(() => rmSync(home, { recursive: true }));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a compiled tool to its end. */
export function runTool(name: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  return startTool(name, args, env).ended;
}

/** Starts a compiled tool. */
export function startTool(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(projectRoot(), `dist/tools/${name}.js`), ...args], {
    env: { PATH: process.env["PATH"], ORDERS_HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]).then(
    ([stdout, stderr, [code]]) => ({ code, stdout, stderr }),
  );
  return { child, ended };
}

/** A database, the two topics, and whatever is asked of them. */
export interface TestSystem {
  readonly database: TestDatabase;
  readonly orders: TestTopic;
  readonly letters: TestTopic;
  /** The settings of the processes and tools, as the owner. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs an ingestor until the test is over, or it is stopped. */
  ingest(): Promise<RunningIngestor>;
  /** Publishes and waits until so many records in all are counted and their dead letters delivered. */
  publish(messages: readonly Message[], received: number): Promise<void>;
  drop(): Promise<void>;
}

export async function createTestSystem({ partitions = 3 } = {}): Promise<TestSystem> {
  const database = await createTestDatabase();
  const [orders, letters] = await Promise.all([createTestTopic({ partitions }), createTestTopic()]);
  const ingestors: RunningIngestor[] = [];
  const env = {
    KAFKA_BROKERS: orders.brokers.join(","),
    KAFKA_TOPIC: orders.name,
    KAFKA_DLQ_TOPIC: letters.name,
    KAFKA_GROUP: orders.name,
    DATABASE_URL: database.ownerUrl,
  };
  return {
    ...{ database, orders, letters, env },
    ingest: async () => {
      const ingestor = await runIngestor({ ...env, DATABASE_URL: database.ingestorUrl });
      ingestors.push(ingestor);
      return ingestor;
    },
    publish: async (messages, received) => {
      await produce(orders.brokers, orders.name, messages);
      const isDone = `SELECT (SELECT sum(received) FROM positions) = ${received} AND
                             NOT EXISTS (SELECT FROM outbox_undelivered) AS done`;
      await withClient(database.ownerUrl, (client) =>
        waitUntil(`${received} records counted, their dead letters delivered`, async () => {
          const { rows } = await client.query<{ done: boolean }>(isDone);
          return rows[0]?.done;
        }),
      );
    },
    drop: async () => {
      await Promise.all(ingestors.map((ingestor) => ingestor.stop("SIGKILL")));
      await Promise.all([orders.drop(), letters.drop(), database.drop()]);
    },
  };
}

/** Runs SQL on a connection of its own. */
export function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return withClient(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows);
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Runs the audit, and reads its last line. */
export async function audit(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<AuditResult & { readonly code: number | null; readonly stderr: string }> {
  const { code, stdout, stderr } = await runTool("audit", ["--json", ...args], env);
  if (stdout === "") throw new Error(`the audit has no result: ${stderr}`);
  return { code, stderr, ...(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as AuditResult) };
}

/**
 * Nine records: in partition 0 four orders, one that is no JSON, and a duplicate of other bytes; in partition 1 two orders
 * and one that is JSON and no order.
 */
export function firstRecords(): Message[] {
  const headers = asKafkajsHeaders([
    { key: Buffer.from("trace"), value: Buffer.from([1, 0, 255]) },
    { key: Buffer.from("x-dlq-id"), value: Buffer.from("forged") },
    { key: Buffer.from("trace"), value: null },
  ]);
  const compact = Buffer.from(JSON.stringify(JSON.parse(orderWithId("a").toString())));
  return [
    { partition: 0, key: "a", value: orderWithId("a") },
    { partition: 0, key: "b", value: orderWithId("b") },
    { partition: 0, key: Buffer.from([0, 255]), value: Buffer.from("{"), headers, timestamp: "1600000000000" },
    { partition: 0, key: "c", value: orderWithId("c") },
    { partition: 0, key: "a", value: compact },
    { partition: 0, key: "example", value: exampleOrder },
    { partition: 1, key: "d", value: orderWithId("d") },
    { partition: 1, key: null, value: Buffer.from('{"secret": "Ivanov", "sum": 42}') },
    { partition: 1, key: "e", value: orderWithId("e") },
  ];
}

/** Two dead letters in partition 2: a tombstone, and a conflict with an order of `firstRecords`, to come after it. */
export function laterRecords(): Message[] {
  const otherMeaning = Buffer.from(orderWithId("a").toString().replace("Test Testov", "Somebody Else"));
  return [
    { partition: 2, key: null, value: null },
    { partition: 2, key: "a", value: otherMeaning },
  ];
}

/** SQL: all that waits is taken for delivered. */
export const DELIVER_ALL = `
  WITH sent AS (DELETE FROM outbox_undelivered RETURNING id, attempts)
  INSERT INTO outbox_delivered (id, attempts) SELECT id, attempts FROM sent`;

/** SQL: letters that were delivered wait again, or are refused. @param which a condition on rows of the outbox */
export function undeliver(which: string, refusal?: string): string {
  return `
    WITH back AS (DELETE FROM outbox_delivered WHERE id IN (SELECT id FROM outbox WHERE ${which}) RETURNING id, attempts)
    INSERT INTO outbox_undelivered (id, attempts, refusal)
      SELECT id, attempts, ${refusal === undefined ? "NULL" : `'${refusal}'`} FROM back`;
}
