import { produce, testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";
import { type Broker, type Cluster, createClusterKey, type FetchedPartitions } from "../internals";

/** Longer than a test may take: only a record, or the end of the client, ends such a wait. */
const LONG_MS = 600_000;

interface ConnectedCluster extends Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly leader: number }[];
  addTargetTopic(topic: string): Promise<void>;
}

let topic: TestTopic;
let cluster: ConnectedCluster;
let broker: Broker;

beforeEach(async () => {
  topic = await createTestTopic();
  await produce(topic.brokers, topic.name, [{ value: "first" }]);
  const kafka = testKafka(topic.brokers);
  const create = Reflect.get(kafka, createClusterKey(kafka)) as (options: object) => ConnectedCluster;
  cluster = create({ metadataMaxAge: LONG_MS });
  await cluster.connect();
  await cluster.addTargetTopic(topic.name);
  const [partition] = cluster.findTopicPartitionMetadata(topic.name);
  const found = cluster.brokerPool.brokers[partition?.leader ?? -1];
  if (!found) throw new Error("the topic has no leader");
  broker = found;
});

afterEach(async () => {
  await cluster.disconnect();
  await topic.drop();
});

/** Asks for what begins at an offset; where nothing does yet, the broker waits for it. */
function fetchFrom(fetchOffset: number): Promise<FetchedPartitions> {
  const partitions = [{ partition: 0, fetchOffset: String(fetchOffset), maxBytes: 1_000 }];
  return broker.fetch({ topics: [{ topic: topic.name, partitions }], maxWaitTime: LONG_MS });
}

test("a fetch is answered while another one waits at the broker (kafkajs has it wait behind that)", async () => {
  const waiting = fetchFrom(1);
  expect((await fetchFrom(0)).responses).toHaveLength(1);
  expect((await fetchFrom(0)).responses).toHaveLength(1);
  await produce(topic.brokers, topic.name, [{ value: "second" }]);
  expect((await waiting).responses).toHaveLength(1);
});

test("a third fetch is answered once one of two that wait at the broker is", async () => {
  const answers = [fetchFrom(1), fetchFrom(1), fetchFrom(0)];
  await produce(topic.brokers, topic.name, [{ value: "second" }]);
  expect((await Promise.all(answers)).map(({ responses }) => responses.length)).toEqual([1, 1, 1]);
});

test("a fetch that waits at the broker does not hold up the end of its client (kafkajs waits for its answer)", async () => {
  const ended = expect(Promise.all([fetchFrom(1), fetchFrom(1)])).rejects.toThrow();
  // Both have gone out.
  await cluster.metadata();
  await cluster.disconnect();
  await ended;
});
