import type { Admin, Consumer } from "kafkajs";
import { testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";

/** Longer than a test may take: a member that was left behind is still there. */
const SESSION_MS = 300_000;

let topic: TestTopic;
let consumer: Consumer;
let admin: Admin;

beforeEach(async () => {
  topic = await createTestTopic({ partitions: 1 });
  const kafka = testKafka(topic.brokers);
  admin = kafka.admin();
  await admin.connect();
  consumer = kafka.consumer({ groupId: topic.name, sessionTimeout: SESSION_MS });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name });
});

afterEach(async () => {
  await consumer.disconnect();
  await admin.disconnect();
  await topic.drop();
});

const membersLeft = async (): Promise<unknown[]> => {
  const { groups } = await admin.describeGroups([topic.name]);
  return groups.flatMap(({ members }) => members);
};

test("a consumer that is stopped before its group has let it in leaves the group (kafkajs stays in it)", async () => {
  const running = consumer.run({ eachMessage: async () => {} });
  await consumer.stop();
  await running;
  expect(await membersLeft()).toEqual([]);
});

test("a consumer that is stopped as it joins leaves the group (kafkajs stays in it)", async () => {
  const stopped = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve(consumer.stop())));
  await consumer.run({ eachMessage: async () => {} });
  await stopped;
  expect(await membersLeft()).toEqual([]);
});
