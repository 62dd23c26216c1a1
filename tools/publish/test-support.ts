import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { KafkaMessage } from "kafkajs";
import { createTestTopic } from "../../e2e/support/test-topic";
import { waitUntil } from "../../e2e/support/wait-until";
import { createKafka } from "../../runtime/kafka/client";
import { projectRoot } from "../../runtime/project-root";
import { readSettings } from "../../runtime/settings";
import { createToolLog } from "../tool-log";

// For the tests of `npm run publish`: runs it as people do, and reads what has arrived.

export const folder = mkdtempSync(join(tmpdir(), "orders-publish-"));
afterAll(() => rmSync(folder, { recursive: true }));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(projectRoot(), "dist/tools/publish.js"), ...args], {
    env: { PATH: process.env["PATH"], ORDERS_HOME: folder, KAFKA_BROKERS: process.env["TEST_KAFKA_BROKERS"], ...env },
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]).then(
    ([stdout, stderr, [code]]) => ({ code, stdout, stderr }),
  );
  return { child, ended };
}

export function publish(
  args: readonly string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const { child, ended } = start(args, env);
  child.stdin?.end(input);
  return ended;
}

export function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function kafkaOf(brokers: readonly string[]) {
  const settings = readSettings(
    ["KAFKA_BROKERS", "KAFKA_SSL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"],
    { KAFKA_BROKERS: brokers.join(",") },
  );
  return createKafka(settings, createToolLog("publish-test"), "publish-test");
}

/** A topic of the test's own, and everything that was published to it, by partition and offset. */
export async function withTopic(
  test: (topic: {
    readonly name: string;
    readonly count: () => Promise<number>;
    readonly read: () => Promise<readonly KafkaMessage[]>;
  }) => Promise<void>,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const topic = await createTestTopic({ config });
  const kafka = kafkaOf(topic.brokers);
  const admin = kafka.admin();
  await admin.connect();
  const count = async (): Promise<number> => {
    const offsets = await admin.fetchTopicOffsets(topic.name);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };
  const read = async (): Promise<readonly KafkaMessage[]> => {
    const total = await count();
    const consumer = kafka.consumer({ groupId: `${topic.name}-reader`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: topic.name, fromBeginning: true });
    const messages: KafkaMessage[] = [];
    await consumer.run({
      eachMessage: async ({ message }) => {
        messages.push(message);
      },
    });
    await waitUntil(`${total} records read`, () => messages.length >= total);
    await consumer.disconnect();
    return messages;
  };
  try {
    await test({ name: topic.name, count, read });
  } finally {
    await admin.disconnect();
    await topic.drop();
  }
}

/** The result, which is the last line of standard output. */
export function lastLine(output: string): object {
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as object;
}
