import { Redis } from "ioredis";
import { type BreakablePart, breakableRedis } from "../e2e/support/breakable-stores";
import { orderWithId } from "../e2e/support/judged-records";
import { produce, readTopic } from "../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../e2e/support/run-ingestor";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { timeOf } from "../e2e/support/time-of";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";
import { headersOf } from "../runtime/kafka/headers";
import { readDeadLetterHeaders } from "./dead-letter";

// A Redis of this file's own is broken under one ingestor: orders do not notice, and dead letters come in the end.
// The bounds are for busy machines; the two seconds that are promised are measured by `npm run bench -- recovery`.
// G5. Fails when only BullMQ knows of a dead letter: without the sweep's timer in main.ts, or its look at jobs that are gone.

let redis: BreakablePart<string>;
let control: Redis;
let database: TestDatabase;
let prisma: Prisma;
let orders: TestTopic;
let letters: TestTopic;
let ingestor: RunningIngestor;
let published = 0;

beforeAll(async () => {
  redis = breakableRedis();
  const url = await redis.start();
  control = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  control.on("error", () => {});
  [database, orders, letters] = await Promise.all([createTestDatabase(), createTestTopic(), createTestTopic()]);
  prisma = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
  ingestor = await runIngestor({
    KAFKA_BROKERS: orders.brokers.join(","),
    KAFKA_TOPIC: orders.name,
    KAFKA_DLQ_TOPIC: letters.name,
    KAFKA_GROUP: orders.name,
    DATABASE_URL: database.ingestorUrl,
    REDIS_URL: url,
  });
  await publish(10);
  await untilDelivered();
});

afterAll(async () => {
  await ingestor?.stop("SIGKILL");
  control?.disconnect();
  await prisma?.$disconnect();
  await Promise.all([orders?.drop(), letters?.drop(), database?.drop(), redis?.drop()]);
});

/** Publishes so many orders and as many records that are none, and waits until all are in PostgreSQL. */
async function publish(count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => published + index);
  const messages = numbers.flatMap((number) => [
    { value: orderWithId(`order-${number}`) },
    { value: `rubbish ${number}` },
  ]);
  await produce(orders.brokers, orders.name, messages);
  published += count;
  await waitUntil("all ingested", async () => (await prisma.outboxRow.count()) === published);
}

async function untilDelivered(): Promise<void> {
  const areAll = async (): Promise<boolean> => (await prisma.undeliveredRow.count()) === 0;
  await waitUntil("all dead letters delivered", areAll);
}

async function untilTold(words: string): Promise<void> {
  const { status } = await waitUntil("/readyz tells it", async () => {
    const answer = await ingestor.readiness();
    return answer.body["deadLetters"] === words && answer;
  });
  // Orders are stored all the same.
  expect(status).toBe(200);
}

afterEach(async () => {
  const found = await readTopic(letters.brokers, letters.name, published);
  const ids = found.map((message) => readDeadLetterHeaders(headersOf(message))?.id);
  const expected = Array.from({ length: published }, (_, index) => `${orders.name}:1:0:${2 * index + 1}`);
  expect([...new Set(ids)].toSorted()).toEqual(expected.toSorted());
  expect(await prisma.order.count()).toBe(published);
  await untilTold("delivered");
});

test("Redis is stopped, and started again", async () => {
  await redis.stop();
  await publish(10);
  await untilTold("wait for Redis (ECONNREFUSED)");
  await redis.start();
  expect(await timeOf(untilDelivered)).toBeLessThan(15_000);
});

test("Redis is emptied again and again while dead letters are delivered", async () => {
  const emptying = setInterval(() => void control.flushall(), 20);
  await publish(500).finally(() => clearInterval(emptying));
  await control.flushall();
  await untilDelivered();
});

test("Redis is full", async () => {
  await control.config("SET", "maxmemory", "1");
  await publish(10);
  await untilTold("wait for Redis (OOM)");
  await control.config("SET", "maxmemory", "0");
  expect(await timeOf(untilDelivered)).toBeLessThan(15_000);
});
