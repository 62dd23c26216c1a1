import { randomBytes } from "node:crypto";
import type { KafkaMessage, Producer } from "kafkajs";
import { startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { batchOf, judged } from "../e2e/support/judged-records";
import { readTopic, testKafka } from "../e2e/support/kafka-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma, type Prisma } from "../prisma/client";
import { createStandingQuestions, type StandingQuestions } from "../prisma/standing-questions";
import { asKafkajsHeaders, encodeHeaders, headersOf } from "../runtime/kafka/headers";
import { createLog } from "../runtime/log";
import { MOST_HEADERS, readDeadLetterHeaders } from "./dead-letter";
import { createDelivery, type Deliver } from "./deliver";
import { createLetterSource, type LetterSource } from "./letter-source";
import { createMetrics, type IngestorMetrics } from "./metrics";
import { openPositions } from "./open-positions";
import { createOutbox, type Outbox } from "./outbox";
import { storeBatch } from "./store-batch";
import { startSweep } from "./sweep";

let database: TestDatabase;
let owner: Prisma;
let prisma: Prisma;
let source: LetterSource;
let questions: StandingQuestions;
let outbox: Outbox;
let topic: TestTopic;
let producer: Producer;
let metrics: IngestorMetrics;
let deliver: Deliver;
let from = 0;

beforeAll(async () => {
  [database, topic] = await Promise.all([
    createTestDatabase(),
    createTestTopic({ config: { "max.message.bytes": "1500000" } }),
  ]);
  owner = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
  prisma = createPrisma(database.ingestorUrl, { connections: 2, name: "test" });
  await openPositions(prisma, { name: "orders", id: undefined, bounds: [{ partition: 0, low: 0n, high: 1_000n }] });
  source = createLetterSource(database.ingestorUrl);
  questions = createStandingQuestions(database.ingestorUrl, "test");
  outbox = createOutbox(prisma, source, questions, "orders");
  producer = testKafka(topic.brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  metrics = createMetrics();
  metrics.watchOutbox(outbox.depth);
  deliver = createDelivery({ outbox, producer, dlqTopic: topic.name, metrics, log });
});

afterAll(async () => {
  await producer.disconnect();
  await Promise.all([prisma.$disconnect(), owner.$disconnect(), source.close(), questions.close()]);
  await Promise.all([database.drop(), topic.drop()]);
});

/** Puts records with these values into the outbox. */
async function reject(values: readonly (Buffer | null)[]): Promise<readonly bigint[]> {
  const headers = asKafkajsHeaders([{ key: Buffer.from("trace"), value: Buffer.from([0, 255]) }]);
  const records = values.map((value, index) => judged(from + index, value, { key: Buffer.from([index]), headers }));
  from += values.length;
  const result = await storeBatch(prisma, batchOf(records));
  if (result.kind !== "stored") throw new Error(`the batch was ${result.kind}`);
  return result.outboxIds;
}

const states = async (ids: readonly bigint[]): Promise<readonly string[]> => {
  const where = { id: { in: [...ids] } };
  const delivered = (await prisma.deliveredRow.findMany({ where })).map(({ id }) => [id, "delivered"] as const);
  const others = (await prisma.undeliveredRow.findMany({ where })).map(
    ({ id, refusal }) => [id, refusal ?? "waiting"] as const,
  );
  const states = new Map([...delivered, ...others]);
  if (states.size < delivered.length + others.length) throw new Error("a row is delivered and is not");
  return ids.map((id) => states.get(id) ?? "nowhere");
};

test("a letter is taken as Prisma reads it, and by nobody else until it is given back", async () => {
  const ids = await reject([Buffer.from("{"), null, Buffer.alloc(0)]);
  const times = { failedAt: new Date("2026-01-02T03:04:05.678Z"), firstFailedAt: new Date("2025-12-31T23:59:59.999Z") };
  await owner.outboxRow.updateMany({
    where: { id: ids[1] ?? 0n },
    data: { ...times, dlqId: "orders:1:0:7", replays: 2 },
  });
  const letters = await outbox.take(ids, 1_000);
  const rows = await prisma.outboxRow.findMany({ where: { id: { in: [...ids] } }, orderBy: { id: "asc" } });
  expect(letters.length).toBe(3);
  const bytes = (part: Uint8Array | null): string | null => part && Buffer.from(part).toString("hex");
  for (const [index, { key, value, headers, ...others }] of letters.entries()) {
    const row = rows[index];
    expect(row).toMatchObject(others);
    expect([key, value, headers].map(bytes)).toEqual(
      [row?.key, row?.value, row?.headers].map((part) => bytes(part ?? null)),
    );
  }
  expect(await outbox.take(ids, 1_000)).toEqual([]);
  await outbox.release(ids);
  expect((await outbox.take(ids, 1_000)).map(({ id }) => id)).toEqual(ids);
});

// G8. Fails when a portion takes all that a job names.
test("what is taken at once is bounded in bytes, but for a single letter", async () => {
  const ids = await reject([100, 100, 5_000, 100].map((size) => Buffer.alloc(size, "x")));
  const taken: number[] = [];
  for (let rest = ids; rest.length > 0; rest = rest.slice(taken.at(-1))) {
    taken.push((await outbox.take(rest, 1_000)).length);
  }
  expect(taken).toEqual([2, 1, 1]);
});

// Fails when a call does not wait for those before it, or a portion for the one before it.
test("what several calls name is sent in the order of the calls, in portions", async () => {
  const jobs: (readonly bigint[])[] = [];
  for (let job = 0; job < 3; job++) {
    jobs.push(await reject(Array.from({ length: 4 }, () => Buffer.alloc(job === 0 ? 900_000 : 10, "x"))));
  }
  await Promise.all(jobs.map(deliver));
  expect(await states(jobs.flat())).toEqual(Array(12).fill("delivered"));
  const sent = await readTopic(topic.brokers, topic.name, 12);
  const offsets = sent.map((message) => Number(readDeadLetterHeaders(headersOf(message))?.offset));
  expect(offsets).toEqual(Array.from({ length: 12 }, (_, index) => from - 12 + index));
});

/** What the metrics tell of refusals: how many were counted, and how many rows lie there, which the alert looks at. */
async function refusals(): Promise<{ counted: number; rows: number }> {
  const sumOf = async (metric: string, labels = {}): Promise<number> => {
    const { values } = (await metrics.registry.getSingleMetric(metric)?.get()) ?? { values: [] };
    const ours = values.filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value));
    return ours.reduce((sum, { value }) => sum + value, 0);
  };
  return {
    counted: await sumOf("orders_ingestor_dead_letters_total", { outcome: "refused" }),
    rows: await sumOf("orders_ingestor_outbox_refused_rows"),
  };
}

// G4. Fails when what Kafka refuses is sent together with its neighbours for ever, when a refusal is not counted (refuse in
// deliver.ts), or when its row is not shown (depth in outbox.ts).
test("a letter that Kafka will not take is refused, counted and shown, and those beside it are delivered", async () => {
  const ids = await reject([Buffer.from("a"), randomBytes(1_600_000), Buffer.from("b")]);
  const before = await refusals();
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered", "MESSAGE_TOO_LARGE", "delivered"]);
  expect(await refusals()).toEqual({ counted: before.counted + 1, rows: before.rows + 1 });
});

// G4. Fails without the correction of kafkajs' partitioner (corrections/partitioner.ts): for 7 s of processor time, and
// for hours where the key is larger, the process does nothing else.
test("a letter with a key of 256 KiB is delivered without holding up the process", async () => {
  const ids = await reject([Buffer.from("a")]);
  await owner.outboxRow.updateMany({ where: { id: ids[0] ?? 0n }, data: { key: randomBytes(262_144) } });
  const used = process.cpuUsage();
  await deliver(ids);
  expect(process.cpuUsage(used).user).toBeLessThan(2_000_000);
  expect(await states(ids)).toEqual(["delivered"]);
});

// G8. Fails when such a letter is taken apart (send in deliver.ts); G4 when it takes those beside it with it.
test("a letter with too many headers to be sent is refused, counted and shown, and those beside it are delivered", async () => {
  const ids = await reject([Buffer.from("a"), Buffer.from("b"), Buffer.from("c")]);
  const headers = encodeHeaders(Array(MOST_HEADERS + 1).fill({ key: Buffer.from("h"), value: null }));
  await owner.outboxRow.updateMany({ where: { id: ids[1] ?? 0n }, data: { headers: Buffer.from(headers) } });
  const before = await refusals();
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered", "TOO_MANY_HEADERS", "delivered"]);
  expect(await refusals()).toEqual({ counted: before.counted + 1, rows: before.rows + 1 });
});

// G4. Fails when what cannot be sent for another cause than Kafka's refusal holds up those beside it, and behind it; also
// when several of them that lie together, or one that is a portion by itself, are taken for an outage: those behind would
// wait as long as these lie there.
test("letters that cannot be made are kept for later, and those beside them are delivered", async () => {
  const sizes = [4_500_000, ...Array(9).fill(400_000)];
  const ids = await reject(sizes.map((size) => Buffer.alloc(size, "x")));
  const broken = [0, 1, 2, 3, 6].map((n) => ids[n] ?? 0n);
  // Says that it has one header, and ends.
  const where = { id: { in: broken } };
  await owner.outboxRow.updateMany({ where, data: { headers: Buffer.from([2]) } });
  await expect(deliver(ids)).rejects.toThrow("headers");
  const expected = ids.map((id) => (broken.includes(id) ? "waiting" : "delivered"));
  expect(await states(ids)).toEqual(expected);
  // At once: nobody holds a lease on them.
  await owner.outboxRow.updateMany({ where, data: { headers: Buffer.from([0]) } });
  await deliver(ids);
  expect(await states(ids)).toEqual(Array(10).fill("delivered"));
});

// G3. Fails when a topic that is away is asked for every single letter.
test("an outage is given up after a few letters, which are free again then", async () => {
  const ids = await reject(Array.from({ length: 50 }, () => Buffer.from("x")));
  const sent: number[] = [];
  const hasty = testKafka(topic.brokers).producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
  await hasty.connect();
  const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  const away = createDelivery({
    ...{ outbox, dlqTopic: `${topic.name}-away`, metrics: createMetrics(), log },
    producer: {
      send: async (record) => {
        sent.push(record.messages.length);
        return hasty.send(record);
      },
    },
  });
  await expect(away(ids)).rejects.toThrow();
  await hasty.disconnect();
  expect(sent).toEqual([50, 1, 1, 1]);
  await deliver(ids);
  expect(await states(ids)).toEqual(Array(50).fill("delivered"));
});

// G3. Fails when a letter has to find out that the connection has ended: it would wait for the sweep.
test("a connection that is lost while nothing is read costs no letter anything", async () => {
  await deliver(await reject([Buffer.from("b")]));
  const ids = await reject([Buffer.from("c")]);
  await prisma.$queryRaw`
    SELECT pg_terminate_backend(pid, 10000)::text FROM pg_stat_activity
    WHERE application_name = 'orders-ingestor-letters' AND datname = current_database()`;
  // The server process is gone; that it is has come here before these answers have.
  for (let answers = 0; answers < 3; answers++) await prisma.$queryRaw`SELECT 1`;
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered"]);
});

// G3. Fails when a letter has to find out that nobody answers: it would wait for 20 s, and its lease for a minute.
test("a connection that falls silent while nothing is read costs no letter anything", async () => {
  const proxy = await startHalfOpenProxy(database.ingestorUrl);
  const falling = createLetterSource(proxy.url);
  const outboxThere = createOutbox(prisma, falling, questions, "orders");
  try {
    for (const isSilent of [false, true]) {
      const ids = await reject([Buffer.from("a")]);
      if (isSilent) proxy.fallSilent();
      expect((await outboxThere.take(ids, 1_000)).map(({ id }) => id)).toEqual(ids);
    }
  } finally {
    await falling.close();
    await proxy.close();
  }
});

// G3. Fails when the mark of what was sent is given up in an outage: the lease would keep others from it for a minute.
test("letters that are sent while PostgreSQL goes away are marked when it is back", async () => {
  const ids = await reject([Buffer.from("a"), Buffer.from("b")]);
  const proxy = await startHalfOpenProxy(database.ingestorUrl);
  const leaving = createPrisma(proxy.url, { connections: 1, name: "test" });
  const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  let failures = 0;
  const outboxThere = createOutbox(leaving, source, questions, "orders");
  const delivery = createDelivery({
    ...{ dlqTopic: topic.name, metrics: createMetrics(), log },
    outbox: {
      ...outboxThere,
      markDelivered: (sent) =>
        outboxThere.markDelivered(sent).catch((error: unknown) => {
          failures++;
          throw error;
        }),
    },
    producer: {
      send: async (record) => {
        proxy.refuse();
        return producer.send(record);
      },
    },
  })(ids);
  try {
    await waitUntil("they could not be marked", () => failures > 1);
    expect(await states(ids)).toEqual(["waiting", "waiting"]);
    proxy.recover();
    await delivery;
    expect(await states(ids)).toEqual(["delivered", "delivered"]);
  } finally {
    proxy.recover();
    await delivery.catch(() => {});
    await leaving.$disconnect();
    await proxy.close();
  }
});

/** What a minute does to rows that a worker has taken and neither marked nor given back: it was killed. */
const endLeases = (ids: readonly bigint[]): Promise<unknown> =>
  owner.undeliveredRow.updateMany({
    where: { id: { in: [...ids] } },
    data: { leasedUntil: new Date(Date.now() - 60_000) },
  });

// G5. Fails without `OR leased_until < now()` in take, or with any lease respected for good.
test("letters that a killed worker had taken are delivered once its lease has ended, and not before", async () => {
  const ids = await reject([Buffer.from("a"), Buffer.from("b")]);
  expect((await outbox.take(ids, 1_000)).length).toBe(2);
  await deliver(ids);
  expect(await states(ids)).toEqual(["waiting", "waiting"]);
  await endLeases(ids);
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered", "delivered"]);
});

// G5. Fails without `OR leased_until < now()` in forgotten, by which the sweep looks.
test("the sweep finds a letter that a killed worker had taken once its lease has ended, and not before", async () => {
  const ids = await reject([Buffer.from("a")]);
  await outbox.take(ids, 1_000);
  await owner.outboxRow.updateMany({ where: { id: { in: [...ids] } }, data: { failedAt: new Date(0) } });
  const found: bigint[] = [];
  const add = async (some: readonly bigint[]): Promise<void> => void found.push(...some);
  expect(await outbox.findForgotten(1, 1_000)).not.toContain(ids[0]);
  await endLeases(ids);
  const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  const stop = startSweep(outbox, { add, countPending: async () => 0, problem: () => undefined }, log);
  await waitUntil("the sweep makes a job for it", () => found.includes(ids[0] ?? 0n)).finally(stop);
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered"]);
});

// G5. Fails without the lease (take in outbox.ts): both send all that both have read.
test("two workers that are given the same letters at once send each of them once", async () => {
  const jobs: (readonly bigint[])[] = [];
  for (let job = 0; job < 10; job++) jobs.push(await reject([Buffer.from("a"), Buffer.from("b")]));
  const other = createLetterSource(database.ingestorUrl);
  const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });
  const sent: string[] = [];
  const worker = (from: LetterSource): Deliver =>
    createDelivery({
      ...{ outbox: createOutbox(prisma, from, questions, "orders"), dlqTopic: topic.name, metrics, log },
      producer: {
        send: async (record) => {
          for (const { headers } of record.messages) {
            sent.push(String(readDeadLetterHeaders(headersOf({ headers } as KafkaMessage))?.id));
          }
          return producer.send(record);
        },
      },
    });
  const workers = [worker(source), worker(other)];
  await Promise.all(jobs.flatMap((ids) => workers.map((deliverThere) => deliverThere(ids)))).finally(other.close);
  expect([sent.length, new Set(sent).size]).toEqual([20, 20]);
  expect(await states(jobs.flat())).toEqual(Array(20).fill("delivered"));
});

// Fails when a portion of which nothing can be had is taken for the end of the job: the rest would wait for the sweep.
test("what another worker has of a job does not keep this one from the rest", async () => {
  const ids = await reject(Array.from({ length: 501 }, () => Buffer.from("a")));
  const theirs = ids.slice(0, 500);
  expect((await outbox.take(theirs, 1_000_000)).length).toBe(500);
  await deliver(ids);
  expect(await states(ids)).toEqual([...theirs.map(() => "waiting"), "delivered"]);
});

// Fails when a mark that comes twice is an error: it would be tried for ever.
test("a letter that is wanted once more although it is delivered is delivered once more", async () => {
  const ids = await reject([Buffer.from("a")]);
  await deliver(ids);
  await owner.undeliveredRow.create({ data: { id: ids[0] ?? 0n } });
  await deliver(ids);
  expect(await states(ids)).toEqual(["delivered"]);
});
