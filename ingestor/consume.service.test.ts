import { type PartitionAssigner, PartitionAssigners } from "kafkajs";
import { pino } from "pino";
import { createIngestedTopic, type IngestedTopic } from "../e2e/support/ingested-topic";
import { testKafka } from "../e2e/support/kafka-records";
import { untilBlocked } from "../e2e/support/until-blocked";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma } from "../prisma/client";
import { createStandingQuestions } from "../prisma/standing-questions";
import { consume } from "./consume";
import { createMetrics } from "./metrics";

let topic: IngestedTopic;

beforeEach(async () => {
  topic = await createIngestedTopic();
});

afterEach(() => topic.drop());

/** Shares out partitions in a way that ingestors do not know; whoever joins the same group has to know it. */
const another: PartitionAssigner = (config) => ({ ...PartitionAssigners.roundRobin(config), name: "another" });

// Fails without the line that acts on a crash with `restart: false` (followConsumer in consume.ts): the process lives on,
// its /healthz says that it is alive, and nothing is consumed any more; and when it then says that it has started.
test("a consumer that its group refuses for good ends the process with 1, for whoever starts it again", async () => {
  const { brokers, name } = topic.orders;
  const other = testKafka(brokers).consumer({ groupId: name, partitionAssigners: [another] });
  await other.connect();
  await other.subscribe({ topic: name });
  await other.run({ eachBatch: async () => {} });
  await expect(topic.ingest()).rejects.toThrow("it ended with 1");
  await other.disconnect();
  await topic.publish("a");
  await topic.ingest();
  await waitUntil("what comes next is stored", async () => {
    const { rows } = await topic.owner.query("SELECT id FROM orders");
    return rows.length === 1;
  });
});

// Fails when the stop takes the partitions that it began with for its own to the end (`ours` in consume.ts): a broker asks
// of which generation an offset is, and takes it also for a partition of another member.
test("what is told as an ingestor stops sets back no offset of a member that has joined meanwhile", async () => {
  const { brokers, name } = topic.orders;
  const kafka = testKafka(brokers);
  const [admin, other] = [kafka.admin(), kafka.consumer({ groupId: name })];
  await Promise.all([admin.connect(), other.connect()]);
  const prisma = createPrisma(topic.database.ingestorUrl, { connections: 6, name: "test" });
  const questions = createStandingQuestions(topic.database.ingestorUrl, "test");
  const committed = async (): Promise<string | undefined> =>
    (await admin.fetchOffsets({ groupId: name, topics: [name] }))[0]?.partitions[0]?.offset;

  let stop = async (): Promise<void> => {};
  await topic.publish("a");
  await consume({
    ...{
      kafka,
      prisma,
      questions,
      topic: name,
      group: name,
      partitionsAtOnce: 1,
      limits: { records: 10, bytes: 1_048_576 },
    },
    // So that it hears of the other member while its stop waits for its transaction.
    patientKafka: { consumer: (config) => kafka.consumer({ ...config, groupId: name, heartbeatInterval: 100 }) },
    judgeApart: async () => ({ kind: "rejected", reason: "crash", errors: [] }),
    ...{ onDeadLetters: () => {}, onOutage: () => {}, onFatal: () => {} },
    onStoppable: (given) => {
      stop = given;
    },
    ...{ metrics: createMetrics(), log: pino({ level: "silent" }) },
  });
  await waitUntil("a is told", async () => (await committed()) === "1");
  await topic.owner.query("BEGIN");
  await topic.owner.query("SELECT FROM positions FOR UPDATE");
  await topic.publish("b");
  await untilBlocked(topic.owner);
  await topic.publish("c", "d");

  await other.subscribe({ topic: name });
  const joined = other.run({ autoCommit: false, eachBatch: async () => {} });
  await waitUntil(
    "it asks to be let in",
    async () => (await admin.describeGroups([name])).groups[0]?.state !== "Stable",
  );
  const stopped = stop();
  await joined;
  await other.commitOffsets([{ topic: name, partition: 0, offset: "3" }]);
  await topic.owner.query("ROLLBACK");
  await stopped;
  expect(await committed()).toBe("3");
  await Promise.all([other.disconnect(), admin.disconnect(), prisma.$disconnect(), questions.close()]);
});
