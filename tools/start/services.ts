import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { type DatabaseUrls, migrateDatabase } from "./database";
import { startKafka } from "./kafka";
import { keepPasswords } from "./passwords";
import { startPostgres } from "./postgres";
import { startRedis } from "./redis";
import { StartError } from "./steps";
import type { System } from "./system";
import { awaitGroupCoordinator, createTopics } from "./topics";

/** Where everything is that the two processes need. */
export interface Services {
  readonly brokers: string;
  readonly database: DatabaseUrls;
  readonly redis: string | undefined;
}

export interface ServicesOptions {
  readonly redis: boolean;
  /** Begun as soon as Postgres has its tables, most often long before Kafka listens, and waited for. */
  readonly onDatabase?: (database: DatabaseUrls) => Promise<void>;
}

/**
 * Brings up what the processes stand on, side by side: Kafka with its topics, Postgres with its tables. `KAFKA_BROKERS`,
 * `DATABASE_URL` and `REDIS_URL` name services that are used instead of our own.
 *
 * @throws StartError that says what to do, if one of them cannot be had
 */
export async function startServices(system: System, options: ServicesOptions): Promise<Services> {
  const postgres = postgresWithTables(system);
  const [brokers, database, redis] = await Promise.all([
    kafkaWithTopics(system),
    postgres,
    process.env["REDIS_URL"] || (options.redis ? startRedis(system) : undefined),
    postgres.then(options.onDatabase),
  ]);
  return { brokers, database, redis };
}

async function kafkaWithTopics(system: System): Promise<string> {
  const brokers = process.env["KAFKA_BROKERS"] || (await startKafka(system));
  const settings = readSettings(
    [...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "KAFKA_GROUP", "LOG_LEVEL", "LOG_FORMAT"],
    // A broker that has just begun to listen refuses a request or two: the client's retries are nobody's concern.
    { ...process.env, KAFKA_BROKERS: brokers, LOG_LEVEL: "silent" },
  );
  const kafka = createKafka(settings, createLog("start", settings), "orders-start");
  await system.steps.step(
    (created: string[]) => (created.length > 0 ? `topics ${created.join(" and ")} created` : "topics are there"),
    async () => {
      try {
        const created = await createTopics(kafka, { orders: settings.KAFKA_TOPIC, dlq: settings.KAFKA_DLQ_TOPIC });
        await awaitGroupCoordinator(kafka, settings.KAFKA_GROUP, settings.KAFKA_TOPIC);
        return created;
      } catch (error) {
        if (!process.env["KAFKA_BROKERS"]) throw error;
        throw new StartError(
          `the Kafka of KAFKA_BROKERS (${brokers}) cannot be used: ${(error as Error).message}\n` +
            "Start it, or name another; without KAFKA_BROKERS npm start brings its own.",
        );
      }
    },
    "the topics are there",
  );
  return brokers;
}

async function postgresWithTables(system: System): Promise<DatabaseUrls> {
  const passwords = keepPasswords(system.home);
  const owner = process.env["DATABASE_URL"] || (await startPostgres(system, passwords));
  return migrateDatabase(system, owner, passwords);
}
