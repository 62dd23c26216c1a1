import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { projectRoot } from "../runtime/project-root";
import { generateOrders } from "../tools/publish/generate-order";
import { lagOf } from "./support/kafka-records";
import { processesNaming } from "./support/processes-naming";
import { type RunningSystem, runSystem } from "./support/run-system";
import { timeOf } from "./support/time-of";
import { waitUntil } from "./support/wait-until";

const home = mkdtempSync(join(tmpdir(), "orders-flow-"));
let system: RunningSystem;
let owner: pg.Client;

beforeAll(async () => {
  system = await runSystem(home, { args: ["--no-sample"] });
  owner = new pg.Client({ connectionString: system.env["DATABASE_URL"] });
  await owner.connect();
}, 180_000);

afterAll(async () => {
  await owner?.end();
  await system?.stop();
  rmSync(home, { recursive: true, force: true });
});

interface Published {
  readonly sent: number;
  readonly failed: number;
  readonly ids: readonly string[];
}

/** `npm run publish -- … --json`, as people run it. */
async function publish(...args: string[]): Promise<Published> {
  const { KAFKA_BROKERS, ...environment } = process.env;
  const child = spawn("npm", ["run", "--silent", "publish", "--", ...args, "--json"], {
    cwd: projectRoot(),
    env: { ...environment, ORDERS_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit"), text(child.stderr)]);
  expect(code).toBe(0);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Published;
}

async function get(id: string): Promise<{ status: number; body: Buffer }> {
  const answer = await fetch(`${system.readerUrl}/orders/${encodeURIComponent(id)}`);
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}

async function counters(): Promise<Record<string, number>> {
  const { rows } = await owner.query(`
    SELECT sum(received)::int AS received, sum(stored)::int AS stored, sum(duplicate)::int AS duplicate,
           sum(dead)::int AS dead FROM positions`);
  return rows[0];
}

function pidOf(program: string): number | undefined {
  const line = processesNaming(home).find((each) => /^\d+ \S*node /.test(each) && each.includes(program));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

/** A process that has just been started again is there in a moment. */
async function kill(program: string): Promise<void> {
  process.kill(await waitUntil(`${program} runs`, () => pidOf(program)), "SIGKILL");
}

test("1,000 generated orders are readable within two seconds of being published, each with its very bytes", async () => {
  const { sent, failed, ids } = await publish("--generate", "1000", "--seed", "1");
  expect({ sent, failed, ids: ids.length }).toEqual({ sent: 1_000, failed: 0, ids: 1_000 });
  const untilReadable = async (): Promise<void> => {
    await waitUntil("all stored", async () => (await counters())["received"] === 1_000);
    // A partition's orders are committed in their order, and what is not in memory is looked for in Postgres: with the last
    // order of each partition, all are readable. Asking for a thousand would measure this test instead.
    const { rows: last } = await owner.query(
      `SELECT DISTINCT ON ("partition") "id" FROM orders ORDER BY "partition", "offset" DESC`,
    );
    for (const { id } of last) await waitUntil(`order ${id}`, async () => (await get(id)).status === 200);
  };
  expect(await timeOf(untilReadable)).toBeLessThan(2_000);
  for (const { id, bytes } of generateOrders({ count: 1_000, seed: 1 })) {
    const { status, body } = await get(id);
    expect({ id, status }).toEqual({ id, status: 200 });
    expect(body.equals(bytes)).toBe(true);
  }
});

test("a document with odd white space, CRLF and a last newline comes back as it was published", async () => {
  const [order] = generateOrders({ count: 1, seed: 2 });
  const odd = Buffer.from(
    `\r\n \t${JSON.stringify(JSON.parse(String(order?.bytes)), null, "\t").replaceAll("\n", "\r\n")}\r\n\n`,
  );
  const file = join(home, "odd.json");
  writeFileSync(file, odd);
  const { ids } = await publish(file);
  const { body } = await waitUntil(
    "the order",
    async () => (await get(ids[0] ?? "")).status === 200 && get(ids[0] ?? ""),
  );
  expect(body.equals(odd)).toBe(true);
});

test("bad records between good ones cost the good ones nothing, and the lag comes to 0", async () => {
  const before = await counters();
  const { sent, ids } = await publish("--generate", "1000", "--seed", "3", "--bad", "0.1");
  expect(sent).toBe(1_000);
  const after = await waitUntil("all counted", async () => {
    const now = await counters();
    return now["received"] === (before["received"] ?? 0) + 1_000 && now;
  });
  expect(after["dead"]).toBe((before["dead"] ?? 0) + 100);
  for (const id of ids) expect((await get(id)).status).toBe(200);
  const { rows } = await waitUntil("every dead letter delivered", async () => {
    const result = await owner.query("SELECT FROM outbox_undelivered");
    return result.rowCount === 0 && result;
  });
  expect(rows).toEqual([]);
  const brokers = String(system.env["KAFKA_BROKERS"]).split(",");
  await waitUntil("a lag of 0", async () => (await lagOf(brokers, "orders", "orders-ingestor")) === 0);
});

test("kill -9 of the ingestor and of the reader in the middle of 5,000 orders loses and doubles none", async () => {
  const before = await counters();
  const publishing = publish("--generate", "5000", "--seed", "4", "--rate", "1500");
  await waitUntil("some stored", async () => ((await counters())["received"] ?? 0) > (before["received"] ?? 0) + 500);
  await kill("dist/ingestor/main.js");
  await waitUntil("the ingestor was started again", () => pidOf("dist/ingestor/main.js"));
  await kill("dist/reader/main.js");
  const { sent } = await publishing;
  expect(sent).toBe(5_000);
  const after = await waitUntil(
    "all counted",
    async () => {
      const now = await counters();
      return (now["received"] ?? 0) >= (before["received"] ?? 0) + 5_000 && now;
    },
    { limitMs: 60_000 },
  );
  expect(after).toEqual({
    ...before,
    received: (before["received"] ?? 0) + 5_000,
    stored: (before["stored"] ?? 0) + 5_000,
  });
  await waitUntil("the reader is back", async () => (await fetch(`${system.readerUrl}/readyz`)).ok);
  for (const { id, bytes } of generateOrders({ count: 5_000, seed: 4 })) {
    const { status, body } = await get(id);
    expect({ id, status }).toEqual({ id, status: 200 });
    expect(body.equals(bytes)).toBe(true);
  }
});
