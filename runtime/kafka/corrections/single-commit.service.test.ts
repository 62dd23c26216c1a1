import type { Consumer } from "kafkajs";
import { testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";
import { Runner } from "../internals";

let topic: TestTopic;
let consumer: Consumer;
let runner: Runner;

beforeEach(async () => {
  topic = await createTestTopic();
  const retry = { retries: Number.MAX_SAFE_INTEGER };
  consumer = testKafka(topic.brokers).consumer({ groupId: topic.name, maxWaitTimeInMs: 100, retry });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name });
  const { start } = Runner.prototype;
  Runner.prototype.start = function () {
    runner = this;
    return start.call(this);
  };
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
  Runner.prototype.start = start;
});

afterEach(async () => {
  await consumer.disconnect();
  await topic.drop();
});

test("a commit that the group's coordinator refuses is told, and not tried again (kafkajs: for ever)", async () => {
  const { offsetManager } = runner.consumerGroup;
  const commit = (): Promise<void> => consumer.commitOffsets([{ topic: topic.name, partition: 0, offset: "1" }]);
  await commit();
  // What a commit is of that was made before a rebalance.
  offsetManager.generationId--;
  await expect(commit()).rejects.toMatchObject({ type: "ILLEGAL_GENERATION" });
  offsetManager.generationId++;
  await commit();
});
