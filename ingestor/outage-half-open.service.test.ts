import { type HalfOpenProxy, startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { orderWithId } from "../e2e/support/judged-records";
import { produce } from "../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../e2e/support/run-ingestor";
import { testAddress } from "../e2e/support/test-address";
import { createTestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";

/** An ingestor between a Kafka that works and stores behind proxies that can fall silent. */
interface Proxied {
  readonly proxy: HalfOpenProxy;
  readonly redis: HalfOpenProxy;
  readonly prisma: Prisma;
  readonly orders: TestTopic;
  readonly ingestor: RunningIngestor;
}

/** Each test has a system of its own: they wait for what is given up after seconds, which they do side by side. */
const proxied = (test: (system: Proxied) => Promise<void>) => async (): Promise<void> => {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const [database, orders, letters] = await Promise.all([
      createTestDatabase(),
      createTestTopic({ partitions: 3 }),
      createTestTopic(),
    ]);
    undo.push(() => Promise.all([orders.drop(), letters.drop(), database.drop()]));
    const proxy = await startHalfOpenProxy(database.ingestorUrl);
    undo.push(() => proxy.close());
    const redis = await startHalfOpenProxy(testAddress("TEST_REDIS_URL"));
    undo.push(() => redis.close());
    const prisma = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
    undo.push(() => prisma.$disconnect());
    const ingestor = await runIngestor({
      KAFKA_BROKERS: orders.brokers.join(","),
      KAFKA_TOPIC: orders.name,
      KAFKA_DLQ_TOPIC: letters.name,
      KAFKA_GROUP: orders.name,
      DATABASE_URL: proxy.url,
      REDIS_URL: redis.url,
      INGESTOR_BATCH_RECORDS: "10",
    });
    undo.push(() => ingestor.stop("SIGKILL"));
    await test({ proxy, redis, prisma, orders, ingestor });
  } finally {
    for (const step of undo.reverse()) await step();
  }
};

async function publish(orders: TestTopic, from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, index) => `order-${from + index}`);
  await produce(
    orders.brokers,
    orders.name,
    ids.map((id) => ({ key: id, value: orderWithId(id) })),
  );
}

async function untilStored(prisma: Prisma, count: number): Promise<void> {
  await waitUntil(`${count} orders stored`, async () => (await prisma.order.count()) === count, { limitMs: 150_000 });
}

async function expectNothingLost(prisma: Prisma, count: number): Promise<void> {
  const sum = await prisma.position.aggregate({ _sum: { received: true, stored: true, duplicate: true, dead: true } });
  expect(sum._sum).toEqual({ received: BigInt(count), stored: BigInt(count), duplicate: 0n, dead: 0n });
}

// G3. Fails when an answer that never comes is waited for (ANSWER_TIMEOUT_MS in prisma/client.ts), and without the
// heartbeats of with-heartbeat.ts: it lasts far longer than a session, and the ingestor joins its group once.
test.concurrent(
  "sockets to PostgreSQL that fall silent are given up, and nothing is lost or doubled",
  proxied(async ({ proxy, prisma, orders, ingestor }) => {
    const publishing = publish(orders, 0, 3_000);
    // In the middle of transactions, whose locks the server then holds for a client that is not there any more.
    await waitUntil("some are stored", async () => (await prisma.order.count()) > 100);
    proxy.fallSilent();
    await publishing;
    await untilStored(prisma, 3_000);
    await expectNothingLost(prisma, 3_000);
    expect(ingestor.log.filter(({ event }) => event === "positions.opened")).toHaveLength(3);
  }),
);

// Fails when the goodbye to a silent server is waited for (GOODBYE_MS in main.ts, CLOSE_MS in delivery-queue.ts).
test.concurrent(
  "an ingestor whose stores have fallen silent stops in time when it is told to",
  proxied(async ({ proxy, redis, prisma, orders, ingestor }) => {
    await publish(orders, 0, 10);
    await untilStored(prisma, 10);
    proxy.fallSilent();
    redis.fallSilent();
    expect([await ingestor.stop(), ingestor.log.at(-1)?.["event"]]).toEqual([0, "process.stopped"]);
  }),
);

// Fails when an answer of Redis that never comes is waited for (REDIS_SILENCE_MS in delivery-queue.ts).
test.concurrent(
  "sockets to Redis that fall silent are given up, and dead letters go on",
  proxied(async ({ redis, prisma, orders }) => {
    const deliver = async (count: number): Promise<void> => {
      await produce(orders.brokers, orders.name, [{ value: "rubbish" }]);
      const delivered = async (): Promise<boolean> => (await prisma.deliveredRow.count()) === count;
      await waitUntil(`${count} dead letters delivered`, delivered);
    };
    await deliver(1);
    redis.fallSilent();
    await deliver(2);
  }),
);
