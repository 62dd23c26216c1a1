import { setImmediate as nextTurn } from "node:timers/promises";
import type { Consumer } from "kafkajs";
import { pino } from "pino";
import { lagOf, produce, testKafka } from "../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { createOffsetCommitter } from "./commit-offsets";

const log = pino({ level: "silent" });
let topic: TestTopic;
let consumer: Consumer;

beforeAll(async () => {
  topic = await createTestTopic();
  consumer = testKafka(topic.brokers).consumer({ groupId: topic.name, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
});

afterAll(async () => {
  await consumer.disconnect();
  await topic.drop();
});

const untilLag = (lag: number): Promise<unknown> =>
  waitUntil(`a lag of ${lag}`, async () => (await lagOf(topic.brokers, topic.name, topic.name)) === lag);

// Fails without the timer that puts back what was taken: with nothing to ingest the lag would stay.
test("an offset that a late commit has set back comes back by itself, and the lag is 0 again", async () => {
  await produce(topic.brokers, topic.name, [{ value: "a" }, { value: "b" }, { value: "c" }]);
  const committer = createOffsetCommitter(topic.name, (offsets) => consumer.commitOffsets(offsets), log, 500);
  committer.offer(0, 3n);
  await untilLag(0);
  // A broker asks of which generation a commit is, never whose the partition is.
  await consumer.commitOffsets([{ topic: topic.name, partition: 0, offset: "1" }]);
  await untilLag(0);
  committer.stop();
});

// Fails when what was under way is put back, or noted as taken: it would set back the offset of the next owner.
test.each(["takes", "refuses"])("what Kafka %s after the group was joined anew is not sent again", async (end) => {
  const sent: string[] = [];
  let answer = (): void => {};
  const answered = new Promise<void>((resolve, reject) => {
    answer = end === "takes" ? resolve : () => reject(new Error("of an older generation"));
  });
  const commit = async (offsets: readonly { readonly offset: string }[]): Promise<void> => {
    sent.push(...offsets.map(({ offset }) => offset));
    await answered;
  };
  const committer = createOffsetCommitter(topic.name, commit, log, 20);
  committer.offer(0, 1n);
  const flushed = committer.flush();
  await waitUntil("it is under way", () => sent.length === 1);
  committer.forget();
  committer.offer(1, 7n);
  answer();
  await flushed;
  await committer.flush();
  await waitUntil("what is ours is sent again", () => sent.length > 2);
  committer.stop();
  expect(sent.filter((offset) => offset !== "7")).toEqual(["1"]);
});

// Fails when it waits for the request that is under way and for no other: a stop would leave the group while the last
// offsets are being told.
test("a flush ends when what was offered before it is told, also when the timer's flush was first to send it", async () => {
  const answers: (() => void)[] = [];
  const commit = (): Promise<void> => new Promise((resolve) => void answers.push(resolve));
  const committer = createOffsetCommitter(topic.name, commit, log);
  committer.offer(0, 1n);
  const first = committer.flush();
  await waitUntil("the first offset is being told", () => answers.length === 1);
  committer.offer(0, 2n);
  const ofTheTimer = committer.flush();
  let isOver = false;
  const ofTheStop = committer.flush().then(() => {
    isOver = true;
  });
  answers[0]?.();
  await first;
  await waitUntil("the second offset is being told", () => answers.length === 2);
  await nextTurn();
  expect(isOver).toBe(false);
  answers[1]?.();
  await Promise.all([ofTheTimer, ofTheStop]);
  expect(answers).toHaveLength(2);
  committer.stop();
});
