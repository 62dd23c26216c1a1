import { type HalfOpenProxy, startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { orderWithId } from "../e2e/support/judged-records";
import { produce } from "../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../e2e/support/run-ingestor";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";

let database: TestDatabase;
let proxy: HalfOpenProxy;
let prisma: Prisma;
let orders: TestTopic;
let ingestor: RunningIngestor;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startHalfOpenProxy(database.ingestorUrl);
  prisma = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
  orders = await createTestTopic({ partitions: 3 });
  ingestor = await runIngestor({
    KAFKA_BROKERS: orders.brokers.join(","),
    KAFKA_TOPIC: orders.name,
    KAFKA_DLQ_TOPIC: orders.name,
    KAFKA_GROUP: orders.name,
    DATABASE_URL: proxy.url,
    INGESTOR_BATCH_RECORDS: "10",
  });
});

afterEach(async () => {
  await ingestor.stop("SIGKILL");
  await prisma.$disconnect();
  await proxy.close();
  await Promise.all([orders.drop(), database.drop()]);
});

async function publish(from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, index) => `order-${from + index}`);
  await produce(
    orders.brokers,
    orders.name,
    ids.map((id) => ({ key: id, value: orderWithId(id) })),
  );
}

async function untilStored(count: number, limitMs: number): Promise<void> {
  await waitUntil(`${count} orders stored`, async () => (await prisma.order.count()) === count, { limitMs });
}

async function expectNothingLost(count: number): Promise<void> {
  const sum = await prisma.position.aggregate({ _sum: { received: true, stored: true, duplicate: true, dead: true } });
  expect(sum._sum).toEqual({ received: BigInt(count), stored: BigInt(count), duplicate: 0n, dead: 0n });
}

// Fails when an answer that never comes is waited for (ANSWER_TIMEOUT_MS in prisma/client.ts).
test("sockets to PostgreSQL that fall silent are given up, and nothing is lost or doubled", async () => {
  const publishing = publish(0, 3_000);
  // In the middle of transactions, whose locks the server then holds for a client that is not there any more.
  await waitUntil("some are stored", async () => (await prisma.order.count()) > 100);
  proxy.fallSilent();
  await publishing;
  await untilStored(3_000, 40_000);
  await expectNothingLost(3_000);
}, 120_000);
