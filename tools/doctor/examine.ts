import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { readSettings } from "../../runtime/settings";
import { createToolLog } from "../tool-log";
import { checkLag } from "./check-books";
import { checkKafka } from "./check-kafka";
import { checkKafkaSource } from "./check-kafka-source";
import { checkDisk, checkNode, checkPackages, checkUsualPorts } from "./check-machine";
import { checkPostgres } from "./check-postgres";
import { checkProcess } from "./check-process";
import { checkRedis } from "./check-redis";
import { checks, type Finding, notAsked } from "./finding";

/** One retry: whoever asks wants to know now. */
const KAFKA_RETRIES = 1;

/**
 * Looks at everything, the parts side by side.
 *
 * @param home the folder of the local system's data
 * @returns the findings in the order of `checks`
 */
export async function examine(home: string, env: Readonly<NodeJS.ProcessEnv>): Promise<readonly Finding[]> {
  const machine = [checkNode(), ...checkPackages(), checkDisk(home)];
  if (!env["DATABASE_URL"]) {
    const nothing = notAsked(
      "postgres",
      "no system is known here: npm start starts one, and DATABASE_URL names another's",
    );
    return [...machine, ...(await checkUsualPorts()), await checkKafkaSource(home), nothing];
  }
  const found = await examineSystem(env);
  return [...machine, ...found].sort((a, b) => checks.indexOf(a.check) - checks.indexOf(b.check));
}

async function examineSystem(env: Readonly<NodeJS.ProcessEnv>): Promise<readonly Finding[]> {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "DATABASE_URL", "REDIS_URL"], env);
  const kafka = createKafka(settings, createToolLog("doctor"), "orders-doctor", KAFKA_RETRIES);
  const topics = { orders: settings.KAFKA_TOPIC, dlq: settings.KAFKA_DLQ_TOPIC };
  const [broker, database, redis, ingestor, reader] = await Promise.all([
    checkKafka(kafka, settings.KAFKA_BROKERS, topics),
    checkPostgres(settings.DATABASE_URL, topics.orders),
    checkRedis(settings.REDIS_URL),
    checkProcess("ingestor", env["INGESTOR_URL"]),
    checkProcess("reader", env["READER_URL"]),
  ]);
  const lag =
    broker.orders && database.positions
      ? checkLag(broker.orders, database.positions, ingestor)
      : [notAsked("lag", "Kafka and PostgreSQL have to answer for that")];
  return [...broker.findings, ...database.findings, ...redis, ingestor, reader, ...lag];
}
