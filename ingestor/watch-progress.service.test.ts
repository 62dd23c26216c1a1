import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Admin } from "kafkajs";
import { pino } from "pino";
import { produce, testKafka } from "../e2e/support/kafka-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";
import { type Assignment, createAssignment, type OpenPartition } from "./assignment";
import { createHealthApp, OutageState } from "./health";
import { createMetrics } from "./metrics";
import { createProgress, type Progress } from "./watch-progress";

// Two partitions are opened, and nobody fetches: what a consumer does that is wedged, and lives.

const MINUTE_MS = 60_000;
const metrics = createMetrics();
let database: TestDatabase;
let prisma: Prisma;
let topic: TestTopic;
let admin: Admin;
let assignment: Assignment;
let progress: Progress;
let server: Server;
let now = 0;

beforeAll(async () => {
  [database, topic] = await Promise.all([createTestDatabase(), createTestTopic({ partitions: 2 })]);
  prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
  admin = testKafka(topic.brokers).admin();
  await admin.connect();
  assignment = createAssignment({
    ...{ topic: topic.name, prisma, admin, metrics, log: pino({ level: "silent" }) },
    consumer: { pause: () => {}, resume: () => {}, seek: () => {} },
    ...{ onOutage: () => {}, onOpened: () => {} },
  });
  progress = createProgress({ topic: topic.name, admin, assignment, metrics, now: () => now });
  const { describeStandstill } = progress;
  const app = createHealthApp({
    consumption: () => ({ assignment, secondsSinceAnswer: () => 0, describeStandstill }),
    ...{ outage: new OutageState(), deliveryProblem: () => undefined, metrics },
  });
  server = createServer(app.callback()).listen(0, "127.0.0.1");
  await once(server, "listening");
  assignment.assign([0, 1]);
  await waitUntil("both partitions are open", () => assignment.isPositioned());
});

afterAll(async () => {
  server.close();
  await admin.disconnect();
  await prisma.$disconnect();
  await Promise.all([database.drop(), topic.drop()]);
});

async function readiness(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`);
  const { status, reason = "" } = (await answer.json()) as Record<string, string>;
  return `${answer.status} ${status} ${reason}`.trim();
}

const partition = (number: number): OpenPartition => assignment.get(number) as OpenPartition;

// Fails when liveness is judged by heartbeats alone (findObstacle in health.ts): the partition would show by its lag.
test("a partition that has records to ingest and does not move is why /readyz is 503, until it moves", async () => {
  await progress.look();
  now += 10 * MINUTE_MS;
  await progress.look();
  expect(await readiness()).toBe("200 ready");

  const records = [0, 1, 1].map((partition) => ({ partition, value: "record" }));
  await produce(topic.brokers, topic.name, records);
  await progress.look();
  const { values } = await metrics.lag.get();
  expect(new Map(values.map(({ labels, value }) => [Number(labels["partition"]), value]))).toEqual(
    new Map([
      [0, 1],
      [1, 2],
    ]),
  );
  now += MINUTE_MS - 1;
  partition(0).seenOffset = 1n;
  await progress.look();
  expect(await readiness()).toBe("200 ready");

  now += 2_000;
  expect(await readiness()).toBe("503 waiting partition 1 has stood at offset 0 for 62 s, with 2 offsets to ingest");
  partition(1).seenOffset = 1n;
  expect(await readiness()).toBe("200 ready");
  await progress.look();
  now += MINUTE_MS + 1;
  expect(await readiness()).toMatch(/^503 waiting partition 1 has stood at offset 1 /);
});

// G3. Fails when a standstill goes on through an outage of Kafka: its end would be told as one.
test("a partition that could not be ingested because Kafka was away has not stood still", async () => {
  await progress.look();
  now += MINUTE_MS + 1;
  expect(await readiness()).toContain("503");
  const away = createProgress({
    ...{ topic: topic.name, assignment, metrics, now: () => now },
    admin: {
      fetchTopicOffsets: (name) => (isAway ? Promise.reject(new Error("away")) : admin.fetchTopicOffsets(name)),
    },
  });
  let isAway = false;
  await away.look();
  now += MINUTE_MS;
  isAway = true;
  await expect(away.look()).rejects.toThrow("away");
  isAway = false;
  await away.look();
  now += 1_000;
  expect(away.describeStandstill()).toBeUndefined();
});
