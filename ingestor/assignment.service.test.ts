import { type Admin, KafkaJSConnectionError } from "kafkajs";
import { pino } from "pino";
import { produce, testKafka } from "../e2e/support/kafka-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";
import { type Assignment, createAssignment } from "./assignment";
import { OutageState } from "./health";
import { createMetrics } from "./metrics";

let database: TestDatabase;
let prisma: Prisma;
let topic: TestTopic;
let admin: Admin;
let outage: OutageState;
let epochs: number[];

beforeAll(async () => {
  [database, topic] = await Promise.all([createTestDatabase(), createTestTopic()]);
  prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
  admin = testKafka(topic.brokers).admin();
  await admin.connect();
});

beforeEach(() => {
  outage = new OutageState();
  epochs = [];
});

afterAll(async () => {
  await admin.disconnect();
  await prisma.$disconnect();
  await Promise.all([database.drop(), topic.drop()]);
});

/** @param fetchEnds answers in Kafka's place where the logs of this topic end */
function assignmentIn({ name }: TestTopic, fetchEnds: Admin["fetchTopicOffsets"]): Assignment {
  return createAssignment({
    ...{ topic: name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    admin: { fetchTopicMetadata: admin.fetchTopicMetadata, fetchTopicOffsets: fetchEnds },
    onOutage: (part, failure) => void outage.report(part, failure),
    onOpened: ({ epoch }) => void epochs.push(epoch),
  });
}

// G3. Fails when only those who met an outage tell its end: /readyz is then 503 for good.
test("an outage is over for a generation that never met it, when the one that did has ended", async () => {
  let isAway = true;
  const assignment = assignmentIn(topic, async () => {
    if (isAway) throw new KafkaJSConnectionError("gone");
    return admin.fetchTopicOffsets(topic.name);
  });
  assignment.assign([0]);
  await waitUntil("the outage is known", async () => outage.describe()?.includes("Kafka"));
  isAway = false;
  assignment.assign([0]);
  await waitUntil("the partition is open", async () => assignment.isPositioned());
  expect(outage.describe()).toBeUndefined();
});

// Fails when only a position that is found ends an outage: an ingestor that has nothing to find is never ready again.
test("an outage is over for who is given nothing any more", async () => {
  const assignment = assignmentIn(topic, async () => {
    throw new KafkaJSConnectionError("gone");
  });
  assignment.assign([0]);
  await waitUntil("the outage is known", async () => outage.describe()?.includes("Kafka"));
  assignment.assign([]);
  expect(assignment.isPositioned()).toBe(true);
  expect(outage.describe()).toBeUndefined();
  assignment.stop();
});

// G1. Fails when positions are held against ends that were read before them: everything would be read again.
test("positions that another ingestor moves on while the ends of the logs are read begin no new epoch", async () => {
  let moves = 0;
  const assignment = assignmentIn(topic, async () => {
    const ends = await admin.fetchTopicOffsets(topic.name);
    if (moves++ >= 4) return ends;
    await produce(topic.brokers, topic.name, [{ value: "record", partition: 0 }]);
    await prisma.position.updateMany({ where: { partition: 0 }, data: { nextOffset: Number(ends[0]?.high) + 1 } });
    return ends;
  });
  const before = await prisma.epoch.count();
  assignment.assign([0]);
  await waitUntil("the partition is open", async () => assignment.isPositioned());
  expect(await prisma.epoch.count()).toBe(before);
  expect(epochs).toHaveLength(1);
});

// G3. Fails when a partition that one answer lacks is not asked for again: it stays paused for good, and nobody is told.
test("a partition that a broker's answer lacks is asked for again, while the others are open", async () => {
  const wide = await createTestTopic({ partitions: 2 });
  let isKnown = false;
  const assignment = assignmentIn(wide, async () => {
    const ends = await admin.fetchTopicOffsets(wide.name);
    return ends.filter(({ partition }) => isKnown || partition === 0);
  });
  assignment.assign([0, 1]);
  await waitUntil("the outage is known", async () => outage.describe()?.includes("Kafka"));
  expect(assignment.all().map(({ partition }) => partition)).toEqual([0]);
  expect(assignment.isPositioned()).toBe(false);
  isKnown = true;
  await waitUntil("both partitions are open", async () => assignment.isPositioned(), { limitMs: 30_000 });
  expect(outage.describe()).toBeUndefined();
  await wide.drop();
});

test("what was stopped stays so when the group gives it partitions once more", async () => {
  const admin = testKafka(topic.brokers).admin();
  const assignment = createAssignment({
    ...{ topic: topic.name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    ...{ admin, onOutage: () => {}, onOpened: () => {} },
  });
  assignment.stop();
  assignment.assign([0]);
  assignment.reposition(0);
  expect([assignment.all(), assignment.isPositioned()]).toEqual([[], true]);
});

test("a consumer that is between a crash and its new start is waited for, not asked", async () => {
  const admin = testKafka(topic.brokers).admin();
  await admin.connect();
  let isCrashed = true;
  const pause = (): void => {
    if (isCrashed) throw new Error("Consumer group was not initialized");
  };
  const assignment = createAssignment({
    ...{ topic: topic.name, prisma, metrics: createMetrics(), log: pino({ level: "silent" }) },
    consumer: { pause, resume: () => {}, seek: () => {} },
    ...{ admin, onOutage: () => {}, onOpened: () => {} },
  });
  assignment.assign([0]);
  expect(assignment.all()).toEqual([]);
  isCrashed = false;
  assignment.assign([0]);
  await waitUntil("the partition is open", async () => assignment.all().length === 1);
  await admin.disconnect();
});
