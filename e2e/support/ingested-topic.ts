import pg from "pg";
import { orderWithId } from "./judged-records";
import { produce } from "./kafka-records";
import { type RunningIngestor, runIngestor } from "./run-ingestor";
import { createTestDatabase, type TestDatabase } from "./test-database";
import { createTestTopic, type TestTopic } from "./test-topic";

/** A topic of a test's own, and the database that ingestors of it write to. */
export interface IngestedTopic {
  readonly database: TestDatabase;
  readonly orders: TestTopic;
  /** The database as its owner sees it. */
  readonly owner: pg.Client;
  /** @param group of its own for whoever comes after a kill -9: a broker keeps what a member has for six seconds */
  ingest(group?: string): Promise<RunningIngestor>;
  /** Publishes an order under each of these ids. */
  publish(...ids: string[]): Promise<void>;
  /** Kills what ingests still. */
  drop(): Promise<void>;
}

export async function createIngestedTopic(): Promise<IngestedTopic> {
  const [database, orders] = await Promise.all([createTestDatabase(), createTestTopic()]);
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const ingestors: RunningIngestor[] = [];
  return {
    ...{ database, orders, owner },
    ingest: async (group = orders.name) => {
      const ingestor = await runIngestor({
        KAFKA_BROKERS: orders.brokers.join(","),
        KAFKA_TOPIC: orders.name,
        KAFKA_DLQ_TOPIC: orders.name,
        KAFKA_GROUP: group,
        DATABASE_URL: database.ingestorUrl,
      });
      ingestors.push(ingestor);
      return ingestor;
    },
    publish: (...ids) =>
      produce(
        orders.brokers,
        orders.name,
        ids.map((id) => ({ key: id, value: orderWithId(id) })),
      ),
    drop: async () => {
      await Promise.all(ingestors.map((ingestor) => ingestor.stop("SIGKILL")));
      await owner.end();
      await Promise.all([orders.drop(), database.drop()]);
    },
  };
}
