import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { runMain } from "../../runtime/run-main";
import { readSettings } from "../../runtime/settings";
import { createTopics } from "./topics";

// Creates the missing topics at KAFKA_BROKERS: the one-shot step of an installation that `npm start` does not make.
runMain(async () => {
  const settings = readSettings([...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "LOG_LEVEL", "LOG_FORMAT"]);
  const kafka = createKafka(settings, createLog("topics", settings), "orders-topics");
  const created = await createTopics(kafka, { orders: settings.KAFKA_TOPIC, dlq: settings.KAFKA_DLQ_TOPIC });
  process.stdout.write(created.length > 0 ? `created ${created.join(" and ")}\n` : "the topics are there\n");
});
