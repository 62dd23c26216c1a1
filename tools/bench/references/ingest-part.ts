import type { EachBatchPayload } from "kafkajs";
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
 * the second how many orders come before the clock starts, the third how many are measured; the settings are those of an
 * ingestor.
 *
 * - `consume`: what waits in the topic is fetched and decoded, and dropped
 * - `judge`: orders in memory are parsed and validated
 * - `store`: orders that have been judged are committed, in the batches of the ingestor, three partitions at once
 */
const [, , part, ...counts] = process.argv;
const [warmUp = 0, measured = 0] = counts.map(Number);
const orders = warmUp + measured;
const PARTITIONS = 3;

interface Done {
  readonly orders: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

function startClock(): (orders: number) => Done {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  return (count) => {
    const { user, system } = process.cpuUsage(cpu);
    return { orders: count, seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 };
  };
}

async function consumeAlone(): Promise<Done> {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_GROUP", "INGESTOR_PARTITIONS_AT_ONCE"]);
  const kafka = createKafka(settings, createToolLog("bench"), "orders-bench");
  const consumer = kafka.consumer({ groupId: settings.KAFKA_GROUP, ...fetchSettings });
  await consumer.connect();
  await consumer.subscribe({ topics: [settings.KAFKA_TOPIC], fromBeginning: true });
  let seen = 0;
  let seenBefore = 0;
  let stopClock: ReturnType<typeof startClock> | undefined;
  const done = await new Promise<Done>((resolve, reject) => {
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      seen += batch.messages.length;
      if (!stopClock && seen >= warmUp) [seenBefore, stopClock] = [seen, startClock()];
      if (stopClock && seen >= orders) resolve(stopClock(seen - seenBefore));
    };
    const partitionsConsumedConcurrently = settings.INGESTOR_PARTITIONS_AT_ONCE;
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently, eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return done;
}

async function judgeAlone(): Promise<Done> {
  const values = [...generateOrders({ count: orders, seed: 2 })].map(({ bytes }) => bytes);
  const judgeAll = (some: readonly Buffer[]): void => {
    for (const value of some) if (judge(value).kind !== "accepted") throw new Error("an order was refused");
  };
  judgeAll(values.slice(0, warmUp));
  const stopClock = startClock();
  judgeAll(values.slice(warmUp));
  return stopClock(measured);
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
  const nextOffsets = Array.from({ length: PARTITIONS }, () => 0);
  const storePartition = async (partition: number, ours: readonly AcceptedRecord[]): Promise<void> => {
    for (let at = 0; at < ours.length; at += size) {
      const next = nextOffsets[partition] ?? 0;
      const batch = ours.slice(at, at + size).map((record, n) => ({ ...record, offset: BigInt(next + n) }));
      const [from, to] = [BigInt(next), BigInt(next + batch.length)];
      nextOffsets[partition] = next + batch.length;
      const stored = await storeBatch(prisma, {
        ...{ topic: settings.KAFKA_TOPIC, partition: { epoch, partition }, from, to, records: batch },
      });
      if (stored.kind !== "stored" || stored.stored !== batch.length) throw new Error("a batch was not stored");
    }
  };
  const storeAll = async (some: readonly AcceptedRecord[]): Promise<void> => {
    const share = Math.ceil(some.length / PARTITIONS);
    const shareOf = (partition: number) => some.slice(partition * share, (partition + 1) * share);
    await Promise.all(nextOffsets.map((_, partition) => storePartition(partition, shareOf(partition))));
  };
  await storeAll(records.slice(0, warmUp));
  const stopClock = startClock();
  await storeAll(records.slice(warmUp));
  const done = stopClock(measured);
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
