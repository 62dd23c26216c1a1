import type { Admin, Consumer } from "kafkajs";
import { produce, testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";
import { waitUntil } from "../../../e2e/support/wait-until";

/** Longer than a test may take: what does not end this wait fails. */
const LONG_MS = 600_000;

let topic: TestTopic;
let consumer: Consumer;
let admin: Admin;
const received: string[] = [];

beforeEach(async () => {
  received.length = 0;
  topic = await createTestTopic({ partitions: 2 });
  const kafka = testKafka(topic.brokers);
  const producer = kafka.producer();
  await producer.connect();
  const messages = [0, 1].map((partition) => ({ partition, value: `of partition ${partition}` }));
  await producer.send({ topic: topic.name, messages });
  await producer.disconnect();
  admin = kafka.admin();
  await admin.connect();
  consumer = kafka.consumer({
    groupId: topic.name,
    maxWaitTimeInMs: LONG_MS,
    sessionTimeout: LONG_MS,
    heartbeatInterval: 100,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name, fromBeginning: true });
});

afterEach(async () => {
  await consumer.disconnect();
  await admin.disconnect();
  await topic.drop();
});

/** Begins with these partitions paused. Resolves when the group has been joined and fetching begins. */
async function run(pausedPartitions: readonly number[]): Promise<void> {
  consumer.on(consumer.events.GROUP_JOIN, () => {
    consumer.pause([{ topic: topic.name, partitions: [...pausedPartitions] }]);
  });
  // One that comes before this is the business of early-stop.
  const fetching = new Promise((resolve) => consumer.on(consumer.events.FETCH_START, resolve));
  await consumer.run({ eachMessage: async ({ message }) => void received.push(String(message.value)) });
  await fetching;
}

const membersLeft = async (): Promise<readonly unknown[]> => {
  const { groups } = await admin.describeGroups([topic.name]);
  return groups.flatMap(({ members }) => members);
};

test("with everything paused a resume ends the sleep (kafkajs sleeps on)", async () => {
  await run([0, 1]);
  consumer.resume([{ topic: topic.name, partitions: [0, 1] }]);
  await waitUntil("both records have come", () => received.length === 2);
});

test("a fetch that waits at the broker does not hold up what is resumed, again and again (kafkajs waits on)", async () => {
  await run([1]);
  await waitUntil("the first partition's record has come", () => received.length === 1);
  consumer.resume([{ topic: topic.name, partitions: [1] }]);
  await waitUntil("the other's has come", () => received.length === 2);
  // By now both connections have a fetch that waits. What comes answers both, and is taken once.
  await produce(topic.brokers, topic.name, [{ value: "later", partition: 0 }]);
  await waitUntil("what was published later has come", () => received.length === 3);
  consumer.pause([{ topic: topic.name, partitions: [0] }]);
  for (let times = 0; times < 3; times++) consumer.resume([{ topic: topic.name, partitions: [0] }]);
  await produce(topic.brokers, topic.name, [{ value: "last", partition: 0 }]);
  await waitUntil("the last has come", () => received.length === 4);
  expect(received).toEqual(["of partition 0", "of partition 1", "later", "last"]);
});

test.each([
  ["at the broker", []],
  ["because all is paused", [0, 1]],
])("a consumer that waits %s stops at once, and leaves its group (kafkajs waits on)", async (_, pausedPartitions) => {
  await run(pausedPartitions);
  await waitUntil("what is not paused has come", () => received.length === 2 - pausedPartitions.length);
  await consumer.disconnect();
  expect(await membersLeft()).toEqual([]);
});

test("a consumer that waits at the broker makes room for another member of its group (kafkajs waits on)", async () => {
  await run([]);
  await waitUntil("both records have come", () => received.length === 2);
  const another = testKafka(topic.brokers).consumer({ groupId: topic.name, maxWaitTimeInMs: LONG_MS });
  await another.connect();
  await another.subscribe({ topic: topic.name });
  const joined = new Promise<string>((resolve) =>
    another.on(another.events.GROUP_JOIN, ({ payload }) => resolve(JSON.stringify(payload.memberAssignment))),
  );
  await another.run({ eachMessage: async () => {} });
  expect(JSON.parse(await joined)[topic.name]).toHaveLength(1);
  await another.disconnect();
});
