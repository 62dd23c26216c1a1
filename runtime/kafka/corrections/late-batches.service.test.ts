import type { Consumer, EachBatchPayload } from "kafkajs";
import { produce, testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";
import { waitUntil } from "../../../e2e/support/wait-until";
import { type FetchedBatch, Runner } from "../internals";

let topic: TestTopic;
let consumer: Consumer;
let runner: Runner;
let batches: (EachBatchPayload["batch"] & FetchedBatch)[];

beforeEach(async () => {
  batches = [];
  topic = await createTestTopic();
  consumer = testKafka(topic.brokers).consumer({ groupId: topic.name, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name, fromBeginning: true });
  const { start } = Runner.prototype;
  Runner.prototype.start = function () {
    runner = this;
    return start.call(this);
  };
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => void batches.push(batch as (typeof batches)[number]),
  });
  Runner.prototype.start = start;
  for (const value of ["0", "1", "2"]) {
    await produce(topic.brokers, topic.name, [{ value }]);
    await untilFetchedFrom(value);
  }
});

afterEach(async () => {
  await consumer.disconnect();
  await topic.drop();
});

const untilFetchedFrom = (offset: string): Promise<unknown> =>
  waitUntil(`a batch from ${offset}`, () => batches.at(-1)?.fetchedOffset === offset, { limitMs: 30_000 });

/** What the former leader of a partition sends late: it takes a second broker, so it is handed over by hand. */
async function comeLate(): Promise<void> {
  const late = batches.find(({ fetchedOffset }) => fetchedOffset === "1");
  if (!late) throw new Error("no batch was fetched from 1");
  batches.length = 0;
  await runner.handleBatch(late);
}

// G2. Fails when it is not asked where the consumer stands: records between would be stepped over.
test("what was fetched from elsewhere than where the consumer stands is dropped (kafkajs hands it on)", async () => {
  await comeLate();
  expect(batches).toEqual([]);
});

test("what comes while a seek is still to be done is dropped, and the seek is done", async () => {
  consumer.pause([{ topic: topic.name }]);
  consumer.seek({ topic: topic.name, partition: 0, offset: "1" });
  await comeLate();
  expect(batches).toEqual([]);
  consumer.resume([{ topic: topic.name }]);
  await untilFetchedFrom("1");
});
