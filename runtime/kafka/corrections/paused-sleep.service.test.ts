import type { Admin, Consumer } from "kafkajs";
import { testKafka } from "../../../e2e/support/kafka-records";
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
  consumer = kafka.consumer({ groupId: topic.name, maxWaitTimeInMs: LONG_MS, sessionTimeout: LONG_MS });
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
  await consumer.run({
    eachMessage: async ({ message }) => {
      // Paused again once it has both: a fetch that waits at the broker would be waited for at the end.
      if (received.push(String(message.value)) === 2) consumer.pause([{ topic: topic.name }]);
    },
  });
  await fetching;
}

test("with everything paused a resume ends the sleep (kafkajs sleeps on)", async () => {
  await run([0, 1]);
  consumer.resume([{ topic: topic.name, partitions: [0, 1] }]);
  await waitUntil("both records have come", () => received.length === 2);
});

test("with everything paused it stops at once, and leaves its group (kafkajs sleeps on)", async () => {
  await run([0, 1]);
  await consumer.stop();
  const { groups } = await admin.describeGroups([topic.name]);
  expect(groups.map(({ members }) => members)).toEqual([[]]);
});
