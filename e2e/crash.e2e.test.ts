import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompressionTypes, type Message } from "kafkajs";
import pg from "pg";
import { readDeadLetterHeaders, withoutDeadLetterHeaders } from "../ingestor/dead-letter";
import { asKafkajsHeaders, headersOf } from "../runtime/kafka/headers";
import { projectRoot } from "../runtime/project-root";
import { createTestSystem, type TestSystem } from "../tools/audit/test-support";
import { orderWithId } from "./support/judged-records";
import { produce, readTopic } from "./support/kafka-records";
import { type RunningIngestor, runIngestor } from "./support/run-ingestor";
import { waitUntil } from "./support/wait-until";

// Ingestors that die by a record, by a batch, or by somebody's kill -9, and are started again as a supervisor does.

const MARKER = "ends-the-process";
const folder = mkdtempSync(join(tmpdir(), "orders-crash-"));
/** Defects of the engine and of a codec: what parses the marker, or unpacks it, is ended by a signal. */
const defects = join(folder, "defects.cjs");
let system: TestSystem;
let owner: pg.Client;
let starts: number;
let ingestor: RunningIngestor;

beforeAll(() =>
  writeFileSync(
    defects,
    `const zlib = require("node:zlib");
    const end = () => process.kill(process.pid, "SIGSEGV");
    const { parse } = JSON;
    JSON.parse = (text, ...rest) => (String(text).includes("${MARKER}") ? end() : parse(text, ...rest));
    const { gunzipSync } = zlib;
    zlib.gunzipSync = (...given) => {
      const plain = gunzipSync(...given);
      return plain.includes("${MARKER}") ? end() : plain;
    };`,
  ),
);
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  starts = 0;
  system = await createTestSystem({ partitions: 1 });
  owner = new pg.Client({ connectionString: system.database.ownerUrl });
  owner.on("error", () => {});
  await owner.connect();
});

afterEach(async () => {
  await ingestor.stop("SIGKILL");
  await owner.end();
  await system.drop();
});

/**
 * In a group of its own for each start: a broker keeps the partitions of a member that was killed for six seconds.
 * What its own process inherits, those that it starts have as well.
 */
async function start(): Promise<void> {
  starts++;
  ingestor = await runIngestor({
    ...system.env,
    DATABASE_URL: system.database.ingestorUrl,
    KAFKA_GROUP: `${system.orders.name}-${starts}`,
    NODE_OPTIONS: `--require=${defects}`,
  });
}

/** Starts it whenever it has ended, until so many records are counted. */
async function superviseUntil(received: number): Promise<void> {
  for (;;) {
    if (starts === 10)
      throw new Error(`started ten times, it has come no further than ${JSON.stringify(await position())}`);
    await start();
    const isCounted = async (): Promise<boolean> => Number((await position())["received"]) >= received;
    // One by one, each in a transaction and between two processes: on a busy machine that takes its time.
    const limitMs = 120_000;
    await waitUntil("it ends, or all is counted", async () => (await isCounted()) || ingestor.hasEnded(), { limitMs });
    if (!ingestor.hasEnded()) return;
  }
}

async function position(): Promise<Record<string, unknown>> {
  const { rows } = await owner.query(`
    SELECT next_offset::int, received::int, stored::int, duplicate::int, dead::int, unfinished_starts FROM positions`);
  return rows[0] ?? {};
}

/** As the starts before have left it, which had nothing to commit. */
async function haveBegunInVain(times: number): Promise<void> {
  await owner.query("INSERT INTO epochs (id, topic) VALUES (1, $1) ON CONFLICT DO NOTHING", [system.orders.name]);
  await owner.query("INSERT INTO positions (epoch, partition, next_offset) VALUES (1, 0, 0) ON CONFLICT DO NOTHING");
  await owner.query("UPDATE positions SET unfinished_starts = $1", [times]);
}

const publish = (messages: readonly Message[], compression?: CompressionTypes): Promise<void> =>
  produce(system.orders.brokers, system.orders.name, messages, compression);

const good = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, n) => ({ key: `${from + n}`, value: orderWithId(`good-${from + n}`) }));

const carefulStarts = () => ingestor.log.filter(({ event }) => event === "partition.careful");

// G4. Fails when starts are not counted (countStarts in careful-mode.ts), or when what kills the judging process is not
// convicted (judge in judge-apart.ts): it is then started for ever, and nothing behind the record is stored.
test("a record that really ends every process that looks at it is found after four starts, and all others are stored", async () => {
  const killer = {
    key: Buffer.from([0, 255]),
    value: Buffer.from(orderWithId("killer").toString().replace("Test Testov", MARKER)),
    timestamp: "1600000000123",
  };
  const headers = [
    { key: Buffer.from("trace"), value: Buffer.from([1, 0, 255]) },
    { key: Buffer.from("trace"), value: null },
  ];
  await publish([...good(0, 100), { ...killer, headers: asKafkajsHeaders(headers) }, ...good(100, 199)]);
  await superviseUntil(200);

  expect(starts).toBe(4);
  expect(await position()).toEqual({
    ...{ next_offset: 200, received: 200, stored: 199, duplicate: 0, dead: 1, unfinished_starts: 0 },
  });
  expect((await owner.query("SELECT count(*)::int FROM orders WHERE id LIKE 'good-%'")).rows).toEqual([{ count: 199 }]);
  const [letter] = await readTopic(system.letters.brokers, system.letters.name, 1);
  expect(letter).toMatchObject(killer);
  const found = letter && headersOf(letter);
  expect(found && withoutDeadLetterHeaders(found)).toEqual(headers);
  expect(found && readDeadLetterHeaders(found)).toMatchObject({ reason: "crash", offset: 100n });
});

// G3. Fails when a partition that was begun in vain is enough to convict the record that it stands before.
test("kill -9 of an ingestor that judges apart, again and again, convicts no record", async () => {
  await publish(good(0, 60));
  for (const killAfter of [10, 60]) {
    await haveBegunInVain(10);
    await start();
    await waitUntil(`${killAfter} stored`, async () => Number((await position())["stored"]) >= killAfter);
    expect(carefulStarts()).toMatchObject([{ partition: 0, starts: 11 }]);
    await ingestor.stop("SIGKILL");
  }
  expect(await position()).toMatchObject({ next_offset: 60, received: 60, stored: 60, dead: 0 });
  expect((await owner.query("SELECT reason FROM outbox")).rows).toEqual([]);
});

// Fails when a start is counted with the first batch that is handled: none is, and nobody is told.
test("a batch that ends the process as it is unpacked is counted, told with its place, and stepped over by the runbook's SQL", async () => {
  await publish([{ value: MARKER }, { value: MARKER }], CompressionTypes.GZIP);
  await publish(good(2, 5));
  await haveBegunInVain(3);
  await start();
  await waitUntil("it has ended", () => ingestor.hasEnded());
  expect(await position()).toMatchObject({ next_offset: 0, received: 0, unfinished_starts: 4 });
  expect(carefulStarts()).toMatchObject([{ partition: 0, nextOffset: "0", starts: 4 }]);

  const runbook = readFileSync(join(projectRoot(), "deploy/RUNBOOK.md"), "utf8");
  const [, sql = ""] = /^\$ psql .*-v last=\d+ <<'SQL'\n([^`]*?)SQL$/m.exec(runbook) ?? [];
  await owner.query(
    sql.replaceAll(":last", "1").replaceAll(":partition", "0").replaceAll("'orders'", `'${system.orders.name}'`),
  );
  await superviseUntil(5);
  expect(starts).toBe(2);
  expect(await position()).toMatchObject({ next_offset: 5, stored: 3, dead: 2, unfinished_starts: 0 });
  const [letter] = await readTopic(system.letters.brokers, system.letters.name, 1);
  const info = letter && readDeadLetterHeaders(headersOf(letter));
  expect(info).toMatchObject({ reason: "deserialize", offset: 0n, errors: expect.stringContaining("offsets to 1") });
});
