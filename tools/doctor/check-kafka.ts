import type { Admin, Kafka, PartitionMetadata } from "kafkajs";
import type { SeenTopic } from "../../ingestor/open-positions";
import { fetchTopicId } from "../../runtime/kafka/topic-id";
import { explainFailure } from "../explain-failure";
import { readLogBounds } from "../walk-topic";
import { type AlterTopic, alterAt, checkSettings, settingNames, type TopicSettings } from "./check-topic-settings";
import { type Finding, notAsked, orWell, unwell, well } from "./finding";

export interface TopicNames {
  readonly orders: string;
  readonly dlq: string;
}

/** What Kafka says, and of `orders` its id and where its logs begin and end; nothing of it if it could not be asked. */
export interface KafkaLook {
  readonly findings: readonly Finding[];
  readonly orders: SeenTopic | undefined;
}

/** Whether the brokers answer, and whether both topics can keep what they are given. Needs no more than to describe them. */
export async function checkKafka(kafka: Kafka, brokers: readonly string[], names: TopicNames): Promise<KafkaLook> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers: known } = await admin.describeCluster();
    const answered = well("kafka", `${known.length === 1 ? "1 broker" : `${known.length} brokers`} at ${brokers}`);
    const existing = await admin.listTopics();
    const missing = [names.orders, names.dlq].filter((name) => !existing.includes(name));
    if (missing.length > 0) return { findings: [answered, ...missing.map(missingTopic)], orders: undefined };
    const topics = await checkTopics(admin, names, known.length, alterAt(brokers));
    const name = names.orders;
    const orders = { name, id: await fetchTopicId(admin, name), bounds: await readLogBounds(admin, name) };
    return { findings: [answered, ...topics], orders };
  } catch (error) {
    const [what = "", ...rest] = explainFailure(error).split("\n");
    const unreached = unwell("kafka", what, rest.join("; ") || "look into the broker's own log");
    return { findings: [unreached, notAsked("topics", "Kafka does not answer")], orders: undefined };
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

function missingTopic(name: string): Finding {
  return unwell("topics", `there is no topic ${name}`, "node dist/tools/start/topics-main.js, which makes both");
}

async function checkTopics(
  admin: Admin,
  names: TopicNames,
  brokers: number,
  alter: AlterTopic,
): Promise<readonly Finding[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [names.orders, names.dlq] });
  const orders = await readSettings(admin, names.orders);
  const dlq = await readSettings(admin, names.dlq);
  const wrong = [
    ...topics.flatMap(({ name, partitions }) => {
      const minInsync = Number((name === names.orders ? orders : dlq)["min.insync.replicas"]);
      return checkReplicas(name, partitions, brokers, minInsync, alter);
    }),
    ...checkSettings(names, orders, dlq, alter),
  ];
  const words = topics.map(({ name, partitions }) => `${name} (${partitions.length})`).join(" and ");
  return orWell(wrong, "topics", `${words} keep what they are given`);
}

async function readSettings(admin: Admin, name: string): Promise<TopicSettings> {
  // ConfigResourceTypes.TOPIC; a const enum of kafkajs' types, which does not exist when it runs.
  const resources = [{ type: 2, name, configNames: [...settingNames] }];
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  const entries = described.flatMap(({ configEntries }) => configEntries);
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])) as TopicSettings;
}

function checkReplicas(
  topic: string,
  partitions: readonly PartitionMetadata[],
  brokers: number,
  minInsync: number,
  alter: AlterTopic,
): readonly Finding[] {
  const found: Finding[] = [];
  const leaderless = partitions.filter(({ leader }) => leader < 0).map(({ partitionId }) => partitionId);
  if (leaderless.length > 0) {
    found.push(unwell("topics", `${topic} has no leader for ${leaderless.join(", ")}`, "bring its brokers back"));
  }
  const behind = partitions.filter(({ isr, replicas }) => isr.length < replicas.length);
  if (behind.length > 0) {
    const ids = behind.map(({ partitionId }) => partitionId).join(", ");
    found.push(unwell("topics", `${topic}: replicas of ${ids} are behind or away`, "bring their brokers back"));
  }
  const replicas = Math.min(...partitions.map((each) => each.replicas.length));
  if (replicas < Math.min(3, brokers)) {
    const mend = `give it ${Math.min(3, brokers)} replicas: kafka-reassign-partitions.sh`;
    found.push(unwell("topics", `${topic} has ${replicas} of ${Math.min(3, brokers)} possible replicas`, mend));
  }
  const wanted = Math.max(1, replicas - 1);
  if (minInsync !== wanted) {
    const because =
      minInsync < wanted
        ? "an acknowledged record can be lost with one broker"
        : "one broker's restart stops all writing";
    const mend = alter(topic, `min.insync.replicas=${wanted}`);
    found.push(unwell("topics", `${topic}: min.insync.replicas is ${minInsync} of ${replicas}: ${because}`, mend));
  }
  return found;
}
