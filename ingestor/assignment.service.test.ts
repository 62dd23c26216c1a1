import { KafkaJSConnectionError } from "kafkajs";
import { pino } from "pino";
import { produce, testKafka } from "../e2e/support/kafka-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";
import { createAssignment } from "./assignment";
import { OutageState } from "./health";
import { createMetrics } from "./metrics";

let database: TestDatabase;
let prisma: Prisma;
let topic: TestTopic;

beforeAll(async () => {
  [database, topic] = await Promise.all([createTestDatabase(), createTestTopic()]);
  prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
});

afterAll(async () => {
  await prisma.$disconnect();
  await Promise.all([database.drop(), topic.drop()]);
});

// G3. Fails when only those who met an outage tell its end: /readyz is then 503 for good.
test("an outage is over for a generation that never met it, when the one that did has ended", async () => {
  const admin = testKafka(topic.brokers).admin();
  await admin.connect();
  const outage = new OutageState();
  let isAway = true;
  const assignment = createAssignment({
    ...{ topic: topic.name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    admin: {
      fetchTopicMetadata: admin.fetchTopicMetadata,
      fetchTopicOffsets: async (name) => {
        if (isAway) throw new KafkaJSConnectionError("gone");
        return admin.fetchTopicOffsets(name);
      },
    },
    onOutage: (part, failure) => void outage.report(part, failure),
    onOpened: () => {},
  });
  assignment.assign([0]);
  await waitUntil("the outage is known", async () => outage.describe()?.includes("Kafka"));
  isAway = false;
  assignment.assign([0]);
  await waitUntil("the partition is open", async () => assignment.isPositioned());
  expect(outage.describe()).toBeUndefined();
  await admin.disconnect();
});

// G1. Fails when positions are held against ends that were read before them: everything would be read again.
test("positions that another ingestor moves on while the ends of the logs are read begin no new epoch", async () => {
  const admin = testKafka(topic.brokers).admin();
  await admin.connect();
  let moves = 0;
  const epochs: number[] = [];
  const assignment = createAssignment({
    ...{ topic: topic.name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    admin: {
      fetchTopicMetadata: admin.fetchTopicMetadata,
      fetchTopicOffsets: async (name) => {
        const ends = await admin.fetchTopicOffsets(name);
        if (moves++ >= 4) return ends;
        await produce(topic.brokers, topic.name, [{ value: "record", partition: 0 }]);
        await prisma.position.updateMany({ where: { partition: 0 }, data: { nextOffset: Number(ends[0]?.high) + 1 } });
        return ends;
      },
    },
    onOutage: () => {},
    onOpened: ({ epoch }) => void epochs.push(epoch),
  });
  const before = await prisma.epoch.count();
  assignment.assign([0]);
  await waitUntil("the partition is open", async () => assignment.isPositioned());
  expect(await prisma.epoch.count()).toBe(before);
  expect(epochs).toHaveLength(1);
  await admin.disconnect();
});

// G3. Fails when a partition that one answer lacks is not asked for again: it stays paused for good, and nobody is told.
test("a partition that a broker's answer lacks is asked for again, while the others are open", async () => {
  const wide = await createTestTopic({ partitions: 2 });
  const admin = testKafka(wide.brokers).admin();
  await admin.connect();
  const outage = new OutageState();
  let isKnown = false;
  const assignment = createAssignment({
    ...{ topic: wide.name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    admin: {
      fetchTopicMetadata: admin.fetchTopicMetadata,
      fetchTopicOffsets: async (name) =>
        (await admin.fetchTopicOffsets(name)).filter(({ partition }) => isKnown || partition === 0),
    },
    onOutage: (part, failure) => void outage.report(part, failure),
    onOpened: () => {},
  });
  assignment.assign([0, 1]);
  await waitUntil("the outage is known", async () => outage.describe()?.includes("Kafka"));
  expect(assignment.all().map(({ partition }) => partition)).toEqual([0]);
  expect(assignment.isPositioned()).toBe(false);
  isKnown = true;
  await waitUntil("both partitions are open", async () => assignment.isPositioned(), { limitMs: 30_000 });
  expect(outage.describe()).toBeUndefined();
  await Promise.all([admin.disconnect(), wide.drop()]);
});
