import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { BenchTopic } from "./bench-topic";
import type { ServerCommand } from "./servers";

export interface IngestorWish {
  readonly databaseUrl: string;
  readonly topic: Pick<BenchTopic, "name" | "dlqName">;
  readonly group: string;
  /** Of a transaction; what is shipped, where nothing is said. */
  readonly batchRecords?: number | undefined;
  /** The environment's, where nothing is said. */
  readonly brokers?: string | undefined;
  /** BullMQ's jobs are kept in PostgreSQL, where nothing is said. */
  readonly redisUrl?: string | undefined;
}

/** The ingestor as it is shipped, as `npm start` runs it: BullMQ's jobs in PostgreSQL, on both cores. */
export function ingestorCommand(wish: IngestorWish): ServerCommand {
  const { databaseUrl, topic, group, batchRecords, brokers, redisUrl = "" } = wish;
  return {
    command: [process.execPath, join(projectRoot(), "dist/ingestor/main.js")],
    env: {
      ...process.env,
      ...{ KAFKA_TOPIC: topic.name, KAFKA_DLQ_TOPIC: topic.dlqName, KAFKA_GROUP: group },
      ...{ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, INGESTOR_PORT: "0", LOG_FORMAT: "json", LOG_LEVEL: "info" },
      ...(brokers && { KAFKA_BROKERS: brokers }),
      INGESTOR_BATCH_RECORDS: batchRecords === undefined ? "" : String(batchRecords),
    },
    readySign: '"process.started"',
    isPinned: false,
  };
}
