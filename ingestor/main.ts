import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createPrisma } from "../prisma/client";
import { createStandingQuestions } from "../prisma/standing-questions";
import { createKafka, kafkaSettings } from "../runtime/kafka/client";
import { createLog } from "../runtime/log";
import { runMain } from "../runtime/run-main";
import { handleShutdown } from "../runtime/shutdown";
import { connectPatiently } from "./connect-patiently";
import { type Consumption, consume } from "./consume";
import { createDelivery } from "./deliver";
import { type DeliveryQueue, openDeliveryQueue } from "./delivery-queue";
import { createHealthApp, OutageState, type ReportOutage } from "./health";
import { createApartJudge } from "./judge-apart";
import { createLetterSource } from "./letter-source";
import { createMetrics } from "./metrics";
import { createOutbox } from "./outbox";
import { startSweep } from "./sweep";
import { watchSilence } from "./watch-silence";

/** Connections beside those of the partitions: deliveries, the sweep, the reading of positions. */
const FURTHER_CONNECTIONS = 3;

/** What fails is given back and found by the sweep, so there is no point in holding its lease through many retries. */
const DELIVERY_RETRY = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 };

/** A server that is silent answers no goodbye; what is still open then ends with the process. */
const GOODBYE_MS = 500;

const program = {
  command: "npm run ingestor",
  description: `Stores what is published to KAFKA_TOPIC in PostgreSQL, and sends what is no valid order to KAFKA_DLQ_TOPIC.
One more beside a running \`npm start\`, with which it then shares the partitions:
  set -a; . .local/env; set +a; DATABASE_URL=$INGESTOR_DATABASE_URL INGESTOR_PORT=0 npm run ingestor`,
  settings: [
    ...kafkaSettings,
    "KAFKA_TOPIC",
    "KAFKA_DLQ_TOPIC",
    "KAFKA_GROUP",
    "DATABASE_URL",
    "REDIS_URL",
    "INGESTOR_HOST",
    "INGESTOR_PORT",
    "INGESTOR_BATCH_RECORDS",
    "INGESTOR_BATCH_MIB",
    "INGESTOR_PARTITIONS_AT_ONCE",
    "LOG_LEVEL",
    "LOG_FORMAT",
  ],
  exitCodes: "0 stopped when told to, 1 it could not go on or did not stop in time, 2 used wrongly.",
} as const;

runMain(program, async (settings) => {
  const log = createLog("ingestor", settings);
  const shutdown = handleShutdown(log);
  const metrics = createMetrics();
  const outage = new OutageState();
  const onOutage: ReportOutage = (part, failure) => {
    if (!outage.report(part, failure)) return;
    if (failure)
      log.error({ event: "outage.began", part, code: failure.code }, `${part} fails (${failure.code}): waiting`);
    else log.info({ event: "outage.ended", part }, `${part} works again: going on`);
  };

  let consumption: Consumption | undefined;
  let queue: DeliveryQueue | undefined;
  const deliveryProblem = (): string | undefined => queue?.problem();
  const app = createHealthApp({ consumption: () => consumption, outage, deliveryProblem, metrics });
  const server = createServer(app.callback());
  server.on("error", shutdown.fail);
  server.listen(settings.INGESTOR_PORT, settings.INGESTOR_HOST);
  shutdown.add("health server", () => server.close());

  const connections = settings.INGESTOR_PARTITIONS_AT_ONCE + FURTHER_CONNECTIONS;
  const prisma = createPrisma(settings.DATABASE_URL, { connections, name: "orders-ingestor" });
  shutdown.add("postgres", () => Promise.race([prisma.$disconnect(), sleep(GOODBYE_MS)]));
  const kafka = createKafka(settings, log, "orders-ingestor");

  // Dead letters: outbox → BullMQ → the dead-letter topic.
  const letters = createLetterSource(settings.DATABASE_URL);
  shutdown.add("letters", letters.close);
  const questions = createStandingQuestions(settings.DATABASE_URL, "orders-ingestor-questions");
  shutdown.add("questions", questions.close);
  const outbox = createOutbox(prisma, letters, questions, settings.KAFKA_TOPIC);
  metrics.watchOutbox(outbox.depth);
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: DELIVERY_RETRY });
  await connectPatiently("Kafka", onOutage, () => producer.connect());
  shutdown.add("dead-letter producer", () => producer.disconnect());
  queue = await connectPatiently("PostgreSQL", onOutage, () =>
    openDeliveryQueue({
      redisUrl: settings.REDIS_URL,
      databaseUrl: settings.DATABASE_URL,
      name: `deliver-${settings.KAFKA_DLQ_TOPIC}`,
      deliver: createDelivery({ outbox, producer, dlqTopic: settings.KAFKA_DLQ_TOPIC, metrics, log }),
      log,
    }),
  );
  shutdown.add("delivery queue", () => queue?.close());
  shutdown.add("sweep", startSweep(outbox, queue, log));

  // Orders: Kafka → PostgreSQL.
  const apart = createApartJudge();
  shutdown.add("judge apart", () => apart.stop());
  consumption = await consume({
    kafka,
    patientKafka: createKafka(settings, log, "orders-ingestor", Number.MAX_SAFE_INTEGER),
    prisma,
    questions,
    topic: settings.KAFKA_TOPIC,
    group: settings.KAFKA_GROUP,
    limits: { records: settings.INGESTOR_BATCH_RECORDS, bytes: settings.INGESTOR_BATCH_MIB },
    partitionsAtOnce: settings.INGESTOR_PARTITIONS_AT_ONCE,
    judgeApart: apart.judge,
    onDeadLetters: (ids) => void queue?.add(ids),
    onOutage,
    onFatal: shutdown.fail,
    onStoppable: (stop) => shutdown.add("consumer", stop),
    metrics,
    log,
  });
  shutdown.add("silence watch", watchSilence(consumption, onOutage, log));
  // The consumer may have ended as it joined its group, or somebody has the process end meanwhile.
  if (shutdown.isStopping()) return;
  log.info({ event: "process.started", topic: settings.KAFKA_TOPIC }, `ingesting ${settings.KAFKA_TOPIC}`);
});
