import { type PartitionAssigner, PartitionAssigners } from "kafkajs";
import { createIngestedTopic, type IngestedTopic } from "../e2e/support/ingested-topic";
import { testKafka } from "../e2e/support/kafka-records";
import { waitUntil } from "../e2e/support/wait-until";

let topic: IngestedTopic;

beforeEach(async () => {
  topic = await createIngestedTopic();
});

afterEach(() => topic.drop());

/** Shares out partitions in a way that ingestors do not know; whoever joins the same group has to know it. */
const another: PartitionAssigner = (config) => ({ ...PartitionAssigners.roundRobin(config), name: "another" });

/** Of an ingestor that ends, before it has said that it consumes or after. */
async function exitCode(): Promise<number | null> {
  const ingestor = await topic.ingest().catch((error: Error) => error);
  if (ingestor instanceof Error) return Number(/^it ended with (\d+)/.exec(ingestor.message)?.[1]);
  await waitUntil("it has ended", ingestor.hasEnded, { limitMs: 30_000 });
  return ingestor.process.exitCode;
}

// Fails without the line that acts on a crash with `restart: false` (followConsumer in consume.ts): the process lives on,
// its /healthz says that it is alive, and nothing is consumed any more.
test("a consumer that its group refuses for good ends the process with 1, for whoever starts it again", async () => {
  const { brokers, name } = topic.orders;
  const other = testKafka(brokers).consumer({ groupId: name, partitionAssigners: [another] });
  await other.connect();
  await other.subscribe({ topic: name });
  await other.run({ eachBatch: async () => {} });
  expect(await exitCode()).toBe(1);
  await other.disconnect();
  await topic.publish("a");
  await topic.ingest();
  await waitUntil("what comes next is stored", async () => {
    const { rows } = await topic.owner.query("SELECT id FROM orders");
    return rows.length === 1;
  });
});
