import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type pg from "pg";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { projectRoot } from "../../runtime/project-root";
import { readSettings } from "../../runtime/settings";
import { undoWhenStopped } from "../take-back";
import { createToolLog } from "../tool-log";
import { startServer } from "./servers";

/** Orders that are published, ingested and committed while something else is measured, on a topic of the bench's own. */
export interface Ingestion {
  /** Runs what is measured, and tells how many orders a second were committed meanwhile. */
  during<T>(measure: () => Promise<T>): Promise<{ result: T; perSecond: number }>;
  stop(): Promise<void>;
}

export interface IngestionOptions {
  readonly client: pg.Client;
  readonly databaseUrl: string;
  /** Orders a second. */
  readonly rate: number;
  /** Until then the programs that publish and ingest compile their own code, which takes a processor from what is measured. */
  readonly warmUpSeconds: number;
}

const PARTITIONS = 3;
const FLOWS_WITHIN_MS = 60_000;

/** @throws Error when Kafka cannot be reached, or what warms up is not committed within a minute */
export async function startIngestion({
  client,
  databaseUrl,
  rate,
  warmUpSeconds,
}: IngestionOptions): Promise<Ingestion> {
  const settings = readSettings(kafkaSettings);
  const topic = `orders-bench-${process.pid}`;
  const port = 18_100 + (process.pid % 400);
  const topics = [topic, `${topic}.dlq`];
  const admin = createKafka(settings, createToolLog("bench"), "orders-bench").admin();
  await admin.connect();
  const undo: (() => Promise<unknown>)[] = [() => admin.disconnect()];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  const committed = async (): Promise<number> => {
    const { rows } = await client.query<{ stored: string }>(
      `SELECT coalesce(sum("stored"), 0) AS "stored" FROM "positions" p JOIN "epochs" e ON e."id" = p."epoch"
       WHERE e."topic" = $1`,
      [topic],
    );
    return Number(rows[0]?.stored);
  };
  try {
    const created = admin.createTopics({ topics: topics.map((name) => ({ topic: name, numPartitions: PARTITIONS })) });
    const removed = undoWhenStopped(`topics ${topics.join(" and ")}`, async () => {
      await created;
      await admin.deleteTopics({ topics });
    });
    undo.push(() => admin.deleteTopics({ topics }).finally(removed));
    await created;
    const environment = {
      ...process.env,
      ...{ KAFKA_TOPIC: topic, KAFKA_DLQ_TOPIC: `${topic}.dlq`, KAFKA_GROUP: topic, REDIS_URL: "" },
      ...{ DATABASE_URL: databaseUrl, LOG_FORMAT: "json" },
    };
    const ingestor = await startServer({
      command: [process.execPath, join(projectRoot(), "dist/ingestor/main.js")],
      env: { ...environment, INGESTOR_PORT: String(port) },
      url: `http://127.0.0.1:${port}`,
      readyPath: "/healthz",
      isPinned: false,
    });
    undo.push(ingestor.stop);
    const publish = join(projectRoot(), "dist/tools/publish.js");
    const args = ["--generate", "100000000", "--rate", String(rate), "--topic", topic];
    const publisher = spawn(process.execPath, [publish, ...args], { env: environment, stdio: "ignore" });
    const ended = once(publisher, "exit");
    const killed = (): void => void publisher.kill("SIGKILL");
    process.once("exit", killed);
    const left = undoWhenStopped("publishing", async () => killed());
    undo.push(async () => {
      process.removeListener("exit", killed);
      left();
      publisher.kill("SIGTERM");
      await ended;
    });
    const deadline = performance.now() + FLOWS_WITHIN_MS;
    const orders = rate * warmUpSeconds;
    while ((await committed()) < orders) {
      if (performance.now() > deadline)
        throw new Error(`${orders} orders of ${topic} were not committed within a minute`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async during(measure) {
      const [before, startedAt] = [await committed(), performance.now()];
      const result = await measure();
      const seconds = (performance.now() - startedAt) / 1_000;
      return { result, perSecond: ((await committed()) - before) / seconds };
    },
    stop,
  };
}
