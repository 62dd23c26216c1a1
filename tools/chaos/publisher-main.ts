import { setTimeout as sleep } from "node:timers/promises";
import type { ICustomPartitioner, Message, Producer } from "kafkajs";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { readSettings } from "../../runtime/settings";
import { runCommand } from "../run-command";
import { createToolLog } from "../tool-log";
import { type EarlierOrder, makeSend, type RecordToSend } from "./make-send";
import { type Acknowledgement, appendLines, CHAOS_HEADER } from "./sends-file";

/**
 * The chaos's publisher: node publisher-main.js FILE SEED RATE, until its parent says "stop". It is a producer as there
 * are many: it sends again what was not acknowledged, so the log may have a record twice, and it never gives up.
 */

/** How long a request may take before the producer asks again. */
const TIMEOUT_MS = 5_000;
const PAUSE_MS = 250;
const SLICE_MS = 20;
/** After an outage the lost time is caught up in part: a burst is a test as well, a flood would measure the machine. */
const MOST_AT_ONCE = 100;
/** A partition that was added is used within this time. */
const METADATA_MAX_AGE_MS = 1_000;
const MOST_EARLIER = 500;

runCommand(async ([file = "", seed = "0", rate = "1"]) => {
  let isStopping = false;
  process.once("disconnect", () => process.exit(1));
  process.on("message", () => {
    isStopping = true;
  });
  // A terminal's Ctrl-C reaches this process too; when to end is its parent's decision.
  process.on("SIGINT", () => {});

  const topic = await openTopic();
  const earlier: EarlierOrder[] = [];
  const startedAt = performance.now();
  for (let n = 0, skipped = 0; !isStopping; await sleep(SLICE_MS)) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * Number(rate)) - skipped - n;
    if (due > MOST_AT_ONCE) skipped += due - MOST_AT_ONCE;
    const records: RecordToSend[] = [];
    while (records.length < Math.min(due, MOST_AT_ONCE)) {
      records.push(makeSend(Number(seed), n, earlier[(n * 7_919) % Math.max(1, earlier.length)]));
      n += 1;
    }
    if (records.length === 0) continue;
    appendLines(
      file,
      records.map(({ n, kind, id, sha256 }) => ({ n, kind, id, sha256 })),
    );
    const acknowledgements = await topic.send(records);
    appendLines(file, acknowledgements);
    for (const [index, { partition }] of acknowledgements.entries()) {
      const { n = 0, kind } = records[index] ?? {};
      if (kind === "order") earlier.push({ n, partition });
    }
    earlier.splice(0, earlier.length - MOST_EARLIER);
  }
  return 0;
});

async function openTopic() {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC"]);
  const chosen = new Map<string, number>();
  // kafkajs groups by partition anew with every attempt; the answer belongs to the last one.
  const createPartitioner: ICustomPartitioner =
    () =>
    ({ partitionMetadata, message }) => {
      const n = String(message.headers?.[CHAOS_HEADER]);
      const partition = message.partition ?? Number(n) % partitionMetadata.length;
      chosen.set(n, partition);
      return partition;
    };
  const producer = createKafka(settings, createToolLog("chaos-publisher"), "orders-chaos").producer({
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    createPartitioner,
    retry: { retries: 0 },
  });
  await untilDone(() => producer.connect());

  /** Sends the records until Kafka has acknowledged all of them; in their order. */
  const send = async (records: readonly RecordToSend[]): Promise<Acknowledgement[]> => {
    const messages = records.map(
      ({ n, id, value, partition }): Message => ({
        key: id,
        value,
        headers: { [CHAOS_HEADER]: String(n) },
        ...(partition === undefined ? {} : { partition }),
      }),
    );
    const answer = await untilDone(() => sendOnce(producer, settings.KAFKA_TOPIC, messages));
    const at = Date.now();
    const next = new Map(answer.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]));
    return records.map(({ n }) => {
      const partition = chosen.get(String(n)) ?? -1;
      const offset = next.get(partition) ?? -1;
      next.set(partition, offset + 1);
      chosen.delete(String(n));
      return { n, partition, offset, at };
    });
  };
  return { send };
}

async function sendOnce(producer: Producer, topic: string, messages: Message[]) {
  return producer.send({ topic, acks: -1, timeout: TIMEOUT_MS, messages });
}

async function untilDone<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await sleep(PAUSE_MS);
    }
  }
}
