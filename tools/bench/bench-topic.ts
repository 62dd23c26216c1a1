import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { projectRoot } from "../../runtime/project-root";
import { readSettings } from "../../runtime/settings";
import { createTopics } from "../start/topics";
import { undoWhenStopped } from "../take-back";
import { createToolLog } from "../tool-log";

/** A topic of the bench's own with its dead letters, made as those of the system are, and removed at the end. */
export interface BenchTopic {
  readonly name: string;
  readonly dlqName: string;
  /** Generated orders, of which a share may be broken: acknowledged by Kafka when this is over. */
  publish(orders: number, seed: number, bad?: number): Promise<void>;
  /** One record, acknowledged by Kafka when this is over. */
  publishValue(value: Buffer): Promise<void>;
  /** Waits until a group has so many members, and its partitions belong to them. */
  untilJoined(group: string, members: number): Promise<void>;
  countDeadLetters(): Promise<number>;
  drop(): Promise<void>;
}

const JOINED_WITHIN_MS = 60_000;
const run = promisify(execFile);
let made = 0;

/** @throws Error when Kafka cannot be reached */
export async function createBenchTopic(): Promise<BenchTopic> {
  const kafka = createKafka(readSettings(kafkaSettings), createToolLog("bench"), "orders-bench");
  const name = `orders-bench-${process.pid}-${++made}`;
  const dlqName = `${name}.dlq`;
  const groups = new Set<string>();
  const admin = kafka.admin();
  await admin.connect();
  const created = createTopics(kafka, { orders: name, dlq: dlqName });
  const removed = undoWhenStopped(`topics ${name} and ${dlqName}`, async () => {
    await created;
    await admin.deleteTopics({ topics: [name, dlqName] });
  });
  await created.catch(async (error: unknown) => {
    removed();
    await admin.disconnect();
    throw error;
  });
  return {
    name,
    dlqName,
    publish: async (orders, seed, bad) => {
      const program = join(projectRoot(), "dist/tools/publish.js");
      const wish = ["--generate", String(orders), "--seed", String(seed), "--topic", name];
      const running = run(process.execPath, [program, ...wish, ...(bad === undefined ? [] : ["--bad", String(bad)])]);
      const ended = undoWhenStopped("publishing", async () => running.child.kill("SIGKILL"));
      await running.finally(ended);
    },
    publishValue: async (value) => {
      const producer = kafka.producer();
      await producer.connect();
      await producer.send({ topic: name, messages: [{ value }] });
      await producer.disconnect();
    },
    untilJoined: async (group, members) => {
      groups.add(group);
      const deadline = performance.now() + JOINED_WITHIN_MS;
      for (;;) {
        const [found] = (await admin.describeGroups([group])).groups;
        if (found?.state === "Stable" && found.members.length === members) return;
        if (performance.now() > deadline) throw new Error(`${group} has not found its members within a minute`);
        await delay(20);
      }
    },
    countDeadLetters: async () => {
      const offsets = await admin.fetchTopicOffsets(dlqName);
      return offsets.reduce((sum, { high }) => sum + Number(high), 0);
    },
    drop: async () => {
      // A group whose members have just left is not empty at once; what stays of it is forgotten by Kafka in time.
      await admin.deleteGroups([...groups]).catch(() => {});
      await admin.deleteTopics({ topics: [name, dlqName] });
      removed();
      await admin.disconnect();
    },
  };
}
