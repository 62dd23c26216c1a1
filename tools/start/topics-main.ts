import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { runMain } from "../../runtime/run-main";
import { createTopics } from "./topics";

// Creates the missing topics at KAFKA_BROKERS: the one-shot step of an installation that `npm start` does not make.
const program = {
  command: "node dist/tools/start/topics-main.js",
  description: "Creates the topics of orders and of dead letters at KAFKA_BROKERS where they are missing.",
  settings: [...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "LOG_LEVEL", "LOG_FORMAT"],
  exitCodes: "0 the topics are there, 1 they could not be created, 2 used wrongly.",
} as const;

runMain(program, async (settings) => {
  const kafka = createKafka(settings, createLog("topics", settings), "orders-topics");
  const created = await createTopics(kafka, { orders: settings.KAFKA_TOPIC, dlq: settings.KAFKA_DLQ_TOPIC });
  process.stdout.write(created.length > 0 ? `created ${created.join(" and ")}\n` : "the topics are there\n");
});
