import { CompressionTypes, type KafkaMessage, type Message } from "kafkajs";
import pg from "pg";
import { exampleOrder, orderWithId } from "../e2e/support/judged-records";
import { lagOf, produce, readTopic } from "../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../e2e/support/run-ingestor";
import { testAddress } from "../e2e/support/test-address";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { asKafkajsHeaders, headersOf } from "../runtime/kafka/headers";
import { readDeadLetterHeaders, withoutDeadLetterHeaders } from "./dead-letter";

let database: TestDatabase;
let owner: pg.Client;
let orders: TestTopic;
let letters: TestTopic;
let ingestors: RunningIngestor[];

beforeEach(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  owner.on("error", () => {});
  await owner.connect();
  [orders, letters] = await Promise.all([createTestTopic({ partitions: 3 }), createTestTopic()]);
  ingestors = [];
});

afterEach(async () => {
  await Promise.all(ingestors.map((ingestor) => ingestor.stop("SIGKILL")));
  await owner.end();
  await Promise.all([orders.drop(), letters.drop(), database.drop()]);
});

async function start(environment: Record<string, string> = {}): Promise<RunningIngestor> {
  const ingestor = await runIngestor({
    KAFKA_BROKERS: orders.brokers.join(","),
    KAFKA_TOPIC: orders.name,
    KAFKA_DLQ_TOPIC: letters.name,
    KAFKA_GROUP: orders.name,
    DATABASE_URL: database.ingestorUrl,
    ...environment,
  });
  ingestors.push(ingestor);
  return ingestor;
}

async function count(sql: string): Promise<number> {
  const { rows } = await owner.query<{ count: string }>(`SELECT count(*) FROM ${sql}`);
  return Number(rows[0]?.count);
}

async function counters(): Promise<Record<string, number>> {
  const { rows } = await owner.query(`
    SELECT coalesce(sum(received), 0)::int AS received, coalesce(sum(stored), 0)::int AS stored,
           coalesce(sum(duplicate), 0)::int AS duplicate, coalesce(sum(dead), 0)::int AS dead FROM positions`);
  return rows[0];
}

const nonsense: Record<string, Buffer | null> = {
  "not JSON": Buffer.from("{"),
  "an array": Buffer.from(`[${exampleOrder}]`),
  "an empty value": Buffer.alloc(0),
  "a null value": null,
  "invalid UTF-8": Buffer.concat([exampleOrder, Buffer.from([0xc3, 0x28])]),
  "U+0000": Buffer.from(exampleOrder.toString().replace("Test Testov", "\\u0000")),
  "a missing field": Buffer.from(exampleOrder.toString().replace('"entry": "WBIL",', "")),
  "a wrong type": Buffer.from(exampleOrder.toString().replace("1817", '"1817"')),
  "a key twice": Buffer.from(exampleOrder.toString().replace('"locale"', '"locale": "ru", "locale"')),
  "10,000 nested arrays": Buffer.from("[".repeat(10_000) + "]".repeat(10_000)),
};

/** Ten kinds of rubbish, each between good orders, over all partitions. */
function mixture(): Message[] {
  const headers = asKafkajsHeaders([
    { key: Buffer.from("trace"), value: Buffer.from([1, 0, 255]) },
    { key: Buffer.from("trace"), value: null },
    { key: Buffer.from("x-dlq-id"), value: Buffer.from("forged") },
  ]);
  return Object.values(nonsense).flatMap((value, index) => [
    { key: `good-${index}`, value: orderWithId(`good-${index}`), partition: index % 3 },
    {
      key: Buffer.from([index, 255]),
      value,
      headers,
      timestamp: String(1_600_000_000_000 + index),
      partition: index % 3,
    },
  ]);
}

describe.each([
  ["PostgreSQL", (): Record<string, string> => ({})],
  ["Redis", () => ({ REDIS_URL: testAddress("TEST_REDIS_URL") })],
])("with BullMQ on %s", (_, environment) => {
  // G1. Fails when rejected records are passed over (storeIn in store-batch.ts).
  // G4. Fails when a dead letter loses its record's headers or timestamp (toMessage in deliver.ts).
  it("every good order is stored and every bad record is dead-lettered byte for byte, with the lag at 0", async () => {
    await start(environment());
    await produce(orders.brokers, orders.name, mixture());

    const delivered = await readTopic(letters.brokers, letters.name, 10);
    await waitUntil("everything counted", async () => (await counters())["received"] === 20);
    expect(await counters()).toEqual({ received: 20, stored: 10, duplicate: 0, dead: 10 });
    expect(await count("orders")).toBe(10);
    await waitUntil("all marked delivered", async () => (await count("outbox_undelivered")) === 0);
    await waitUntil("a lag of 0", async () => (await lagOf(orders.brokers, orders.name, orders.name)) === 0);

    const sent = new Map(
      mixture().map(({ key, value, timestamp }) => [key?.toString("hex" as never), { value, timestamp }]),
    );
    expect(delivered).toHaveLength(10);
    for (const message of delivered) {
      const original = sent.get(message.key?.toString("hex"));
      expect(original).toEqual({ value: message.value, timestamp: message.timestamp });
      expect(withoutDeadLetterHeaders(headersOf(message))).toEqual([
        { key: Buffer.from("trace"), value: Buffer.from([1, 0, 255]) },
        { key: Buffer.from("trace"), value: null },
      ]);
      const info = readDeadLetterHeaders(headersOf(message));
      expect(info).toMatchObject({
        topic: orders.name,
        replays: 0,
        reason: expect.stringMatching(/deserialize|schema/),
      });
      expect(info?.id).toBe(`${orders.name}:1:${info?.partition}:${info?.offset}`);
    }
    expect(new Set(delivered.map((message) => readDeadLetterHeaders(headersOf(message))?.id)).size).toBe(10);
  });
});

// G4. Fails when what is empty and what is missing become one on the way (key or value in toMessage of deliver.ts), or when a
// timestamp of 0 or -1, which means that there is none, is taken for "now".
it("dead-letters empty and missing keys and values, and timestamps of 0 and -1, as they are", async () => {
  const some = Buffer.from([255, 0]);
  const shapes = [null, Buffer.alloc(0), some].flatMap((key) =>
    [null, Buffer.alloc(0), some].flatMap((value) =>
      ["-1", "0", "1600000000000"].map((timestamp) => ({ key, value, timestamp })),
    ),
  );
  await start();
  await produce(
    orders.brokers,
    orders.name,
    shapes.map((shape) => ({ ...shape, partition: 0 })),
  );
  const delivered = await readTopic(letters.brokers, letters.name, shapes.length);
  const offsetOf = (message: KafkaMessage): number => Number(readDeadLetterHeaders(headersOf(message))?.offset);
  expect(delivered).toHaveLength(shapes.length);
  for (const message of delivered) {
    const { key, value, timestamp } = message;
    expect({ key, value, timestamp }).toEqual(shapes[offsetOf(message)]);
  }
  expect(new Set(delivered.map(offsetOf)).size).toBe(shapes.length);
});

// G1. Fails when the position is committed before what it stands for (storeBatch): each kill loses what is in flight.
it("loses and doubles nothing when it is killed again and again while 6,000 orders come in", async () => {
  const ids = Array.from({ length: 6_000 }, (_, index) => `order-${index}`);
  // In a group of its own each time: a broker keeps the partitions of a member that was killed for six seconds.
  const startAnew = () => start({ INGESTOR_BATCH_RECORDS: "50", KAFKA_GROUP: `${orders.name}-${ingestors.length}` });
  await startAnew();
  const publishing = (async () => {
    for (let at = 0; at < ids.length; at += 500) {
      const some = ids.slice(at, at + 500);
      await produce(
        orders.brokers,
        orders.name,
        some.map((id) => ({ key: id, value: orderWithId(id) })),
      );
    }
  })();
  for (const goal of [500, 2_000, 4_000]) {
    await waitUntil(`${goal} stored`, async () => (await count("orders")) >= goal, { limitMs: 60_000 });
    await ingestors.at(-1)?.stop("SIGKILL");
    await startAnew();
  }
  await publishing;
  await waitUntil("all stored", async () => (await count("orders")) === 6_000, { limitMs: 60_000 });
  expect(await counters()).toEqual({ received: 6_000, stored: 6_000, duplicate: 0, dead: 0 });
});

it("ends with 0 on SIGTERM, its offsets committed, and goes on from there", async () => {
  const ingestor = await start();
  await produce(orders.brokers, orders.name, [{ value: orderWithId("a") }, { value: Buffer.from("x") }]);
  await waitUntil("both ingested", async () => (await counters())["received"] === 2);
  expect(await ingestor.stop()).toBe(0);
  expect(await lagOf(orders.brokers, orders.name, orders.name)).toBe(0);
  await produce(orders.brokers, orders.name, [{ value: orderWithId("b") }]);
  await start();
  await waitUntil("the third ingested", async () => (await counters())["received"] === 3);
  expect(await counters()).toEqual({ received: 3, stored: 2, duplicate: 0, dead: 1 });
});

// G5. Fails without the sweep's timer in main.ts, or when a row of the outbox does not bring that of its delivery along
// (the trigger outbox_to_be_delivered).
it("delivers dead letters whose jobs were lost", async () => {
  await owner.query(`INSERT INTO epochs (topic) VALUES ('${orders.name}')`);
  await owner.query(
    `INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, value, headers, "timestamp", failed_at)
     VALUES (1, 0, 7, 7, $1, 'schema', '/ must be object', '\\x31', '\\x00', 5, now() - interval '1 minute')`,
    [orders.name],
  );
  await start();
  const [letter] = await readTopic(letters.brokers, letters.name, 1);
  expect([letter?.value?.toString(), letter?.timestamp]).toEqual(["1", "5"]);
});

it("dead-letters a record that is larger than Kafka's limits once it is unpacked, and one with a million headers", async () => {
  const large = Buffer.alloc(30 * 1_048_576, "x");
  const header = { key: Buffer.from("h"), value: null };
  await start();
  await produce(orders.brokers, orders.name, [{ value: large, partition: 0 }], CompressionTypes.GZIP);
  const many = { value: "many", headers: asKafkajsHeaders(Array(1_000_000).fill(header)), partition: 1 };
  await produce(orders.brokers, orders.name, [many], CompressionTypes.GZIP);
  await produce(orders.brokers, orders.name, [{ value: orderWithId("neighbour"), partition: 1 }]);
  const [letter] = await readTopic(letters.brokers, letters.name, 1);
  expect(letter?.value?.equals(large)).toBe(true);
  await waitUntil("the neighbour stored", async () => (await count("orders")) === 1);
  await waitUntil(
    "the other one refused",
    async () => (await count("outbox_undelivered WHERE refusal = 'TOO_MANY_HEADERS'")) === 1,
  );
});

it("takes PostgreSQL's word over Kafka's: offsets committed by somebody else skip nothing", async () => {
  const first = await start();
  await produce(orders.brokers, orders.name, [{ value: orderWithId("a"), partition: 0 }]);
  await waitUntil("the first stored", async () => (await count("orders")) === 1);
  await first.stop();
  await owner.query("UPDATE positions SET next_offset = 0, received = 0, stored = 0; ");
  await owner.query("DELETE FROM orders");
  await start();
  await waitUntil("refilled", async () => (await count("orders")) === 1);
});
