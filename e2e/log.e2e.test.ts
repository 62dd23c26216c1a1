import { asKafkajsHeaders } from "../runtime/kafka/headers";
import { createTestSystem, type TestSystem } from "../tools/audit/test-support";
import { orderWithId } from "./support/judged-records";
import { findLoggedEvents } from "./support/logged-events";
import { type RunningIngestor, runIngestor } from "./support/run-ingestor";
import { type RunningReader, runReader } from "./support/run-reader";
import { waitUntil } from "./support/wait-until";

/** Stands in every place of the records where a person's data may be. */
const SECRET = "Zinaida-Sokolova";
const ORDERS = 300;
/** pino's number for `info`. */
const INFO = 30;

let system: TestSystem;
let ingestor: RunningIngestor;
let reader: RunningReader;

const valid = (id: string): string => orderWithId(id).toString().replace("Test Testov", SECRET);

beforeAll(async () => {
  system = await createTestSystem();
  const { database, env } = system;
  [ingestor, reader] = await Promise.all([
    runIngestor({ ...env, DATABASE_URL: database.ingestorUrl, LOG_LEVEL: "trace" }),
    runReader({ DATABASE_URL: database.readerUrl, LOG_LEVEL: "trace" }),
  ]);
  const orders = Array.from({ length: ORDERS }, (_, n) => ({ key: SECRET, value: valid(`order-${n}`) }));
  const headers = asKafkajsHeaders([{ key: Buffer.from("who"), value: Buffer.from(SECRET) }]);
  const bad = [
    { value: valid("order-1").replace('"name"', '"nobody"') }, // schema
    { value: valid("order-2").replace('"RUB"', '"USD"').replace("2021", "2022") }, // conflict
    { value: `{"name": "${SECRET}"`, headers }, // deserialize
    { value: SECRET, headers },
  ];
  await system.publish([...orders, ...bad.map((each) => ({ key: SECRET, ...each }))], ORDERS + bad.length);
  await waitUntil("the reader has an order", async () => (await fetch(`${reader.url}/orders/order-0`)).ok);
  for (const path of [`/orders/${SECRET}`, `/plain?order=${SECRET}`, `/${SECRET}`]) await fetch(reader.url + path);
});

afterAll(async () => {
  await Promise.all([reader?.stop(), ingestor?.stop("SIGKILL")]);
  await system?.drop();
});

test("no line at any level has anything of a record or of what was asked for", () => {
  const lines = [...ingestor.log, ...reader.log].map((line) => JSON.stringify(line));
  // The client's own account of its requests was there to be looked at.
  expect(lines.filter((line) => line.includes("kafka.client")).length).toBeGreaterThan(10);
  const encoded = Buffer.from(SECRET).toString("base64").slice(0, 16);
  expect(lines.filter((line) => line.includes(SECRET) || line.includes(encoded))).toEqual([]);
});

// Fails when a batch is told twice, or not at all, or an order has a line of its own.
test("at info a batch is one line with its place and what became of it, and an order none", () => {
  const said = [...ingestor.log, ...reader.log].filter(({ level }) => Number(level) >= INFO);
  const batches = said.filter(({ event }) => event === "batch.stored");
  expect(said.length - batches.length).toBeLessThan(20);
  expect(batches.length).toBeLessThan(ORDERS / 10);
  const sum = (field: string): number => batches.reduce((total, line) => total + Number(line[field]), 0);
  expect({ stored: sum("stored"), duplicate: sum("duplicate"), dead: sum("dead") }).toEqual({
    ...{ stored: ORDERS, duplicate: 0, dead: 4 },
  });
  // Each begins where the one before it in its partition has ended.
  const next = new Map<unknown, number>();
  for (const { partition, firstOffset, lastOffset, ms } of batches) {
    expect({ partition, firstOffset }).toEqual({ partition, firstOffset: String(next.get(partition) ?? 0) });
    expect(ms).toEqual(expect.any(Number));
    next.set(partition, Number(lastOffset) + 1);
  }
  expect([...next.values()].reduce((total, each) => total + each, 0)).toBe(ORDERS + 4);
});

test("every line is one event of those that the documents list", () => {
  const known = new Set(findLoggedEvents().keys());
  const unknown = [...ingestor.log, ...reader.log].filter(({ event }) => !known.has(String(event)));
  expect(unknown).toEqual([]);
});
