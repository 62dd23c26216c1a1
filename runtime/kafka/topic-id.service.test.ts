import type { Admin } from "kafkajs";
import { recreateTopic, testKafka } from "../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../e2e/support/test-topic";
import { fetchTopicId } from "./topic-id";

let topic: TestTopic;
let admin: Admin;

beforeAll(async () => {
  topic = await createTestTopic();
  admin = testKafka(topic.brokers).admin();
  await admin.connect();
});

afterAll(async () => {
  await admin.disconnect();
  await topic.drop();
});

test("a topic keeps its id, and one of the same name that is made after it has another", async () => {
  const first = await fetchTopicId(admin, topic.name);
  expect(first).toMatch(/^[\w-]{22}$/);
  expect(await fetchTopicId(admin, topic.name)).toBe(first);
  await recreateTopic(topic.brokers, topic.name);
  const second = await fetchTopicId(admin, topic.name);
  expect(second).toMatch(/^[\w-]{22}$/);
  expect(second).not.toBe(first);
});

test("the id is asked for with one request (kafkajs asks twice)", async () => {
  const asked: string[] = [];
  const forget = admin.on(admin.events.REQUEST, ({ payload }) => void asked.push(payload.apiName));
  await fetchTopicId(admin, topic.name);
  forget();
  expect(asked).toEqual(["Metadata"]);
});

test("a topic that does not exist is an error, not a topic without an id", async () => {
  await expect(fetchTopicId(admin, `${topic.name}-unknown`)).rejects.toMatchObject({
    type: "UNKNOWN_TOPIC_OR_PARTITION",
  });
});
