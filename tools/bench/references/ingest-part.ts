import { fetchSettings } from "../../../ingestor/consume";
import { judge } from "../../../ingestor/judge";
import { type AcceptedRecord, isAccepted, judgeMessage } from "../../../ingestor/judged-record";
import { storeBatch } from "../../../ingestor/store-batch";
import { createPrisma } from "../../../prisma/client";
import { createKafka, kafkaSettings } from "../../../runtime/kafka/client";
import { readSettings } from "../../../runtime/settings";
import { generateOrders } from "../../publish/generate-order";
import { createToolLog } from "../../tool-log";

/**
 * One part of ingesting by itself, in a process of its own, by the product's own code. The first argument says which one,
 * the second how many orders; the settings are those of an ingestor.
 *
 * - `consume`: what waits in the topic is fetched and decoded, and dropped
 * - `judge`: orders in memory are parsed and validated
 * - `store`: orders that have been judged are committed, in the batches of the ingestor, three partitions at once
 */
const [, , part, count = ""] = process.argv;
const orders = Number(count);
const PARTITIONS = 3;

interface Done {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function timed(work: () => Promise<void>): Promise<Done> {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

async function consumeAlone(): Promise<Done> {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_GROUP", "INGESTOR_PARTITIONS_AT_ONCE"]);
  const kafka = createKafka(settings, createToolLog("bench"), "orders-bench");
  const consumer = kafka.consumer({ groupId: settings.KAFKA_GROUP, ...fetchSettings });
  await consumer.connect();
  await consumer.subscribe({ topics: [settings.KAFKA_TOPIC], fromBeginning: true });
  let seen = 0;
  let finish = (): void => {};
  const isDone = new Promise<void>((resolve) => {
    finish = resolve;
  });
  // Until the group has given it its partitions it only waits.
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: settings.INGESTOR_PARTITIONS_AT_ONCE,
    eachBatch: async ({ batch }) => {
      seen += batch.messages.length;
      if (seen >= orders) finish();
    },
  });
  await joined;
  const done = await timed(() => isDone);
  await consumer.disconnect();
  return done;
}

async function judgeAlone(): Promise<Done> {
  const values = [...generateOrders({ count: orders, seed: 2 })].map(({ bytes }) => bytes);
  return timed(async () => {
    for (const value of values) if (judge(value).kind !== "accepted") throw new Error("an order was refused");
  });
}

async function storeAlone(): Promise<Done> {
  const settings = readSettings(["DATABASE_URL", "KAFKA_TOPIC", "INGESTOR_BATCH_RECORDS"]);
  const size = settings.INGESTOR_BATCH_RECORDS;
  const prisma = createPrisma(settings.DATABASE_URL, { connections: PARTITIONS, name: "orders-bench" });
  const records = judgedOrders();
  const { id: epoch } = await prisma.epoch.create({ data: { topic: settings.KAFKA_TOPIC } });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await prisma.position.create({ data: { epochId: epoch, partition, nextOffset: 0 } });
  }
  const share = Math.ceil(orders / PARTITIONS);
  const storePartition = async (partition: number): Promise<void> => {
    const ours = records.slice(partition * share, (partition + 1) * share);
    for (let at = 0; at < ours.length; at += size) {
      const batch = ours.slice(at, at + size).map((record, n) => ({ ...record, offset: BigInt(at + n) }));
      const [from, to] = [BigInt(at), BigInt(at + batch.length)];
      const stored = await storeBatch(prisma, {
        ...{ topic: settings.KAFKA_TOPIC, partition: { epoch, partition }, from, to, records: batch },
      });
      if (stored.kind !== "stored" || stored.stored !== batch.length) throw new Error("a batch was not stored");
    }
  };
  const done = await timed(async () => {
    await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => storePartition(partition)));
  });
  await prisma.$disconnect();
  return done;
}

function judgedOrders(): AcceptedRecord[] {
  return [...generateOrders({ count: orders, seed: 2 })]
    .map(({ id, bytes }) => ({
      key: Buffer.from(id),
      value: bytes,
      timestamp: "0",
      attributes: 0,
      offset: "0",
      headers: {},
    }))
    .map((message) => judgeMessage(message, 0n))
    .filter(isAccepted);
}

const parts: Record<string, () => Promise<Done>> = { consume: consumeAlone, judge: judgeAlone, store: storeAlone };

parts[part ?? ""]?.().then(
  (done) => process.stdout.write(`${JSON.stringify(done)}\n`, () => process.exit(0)),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
