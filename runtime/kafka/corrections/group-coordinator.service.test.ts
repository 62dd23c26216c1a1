import type { Consumer } from "kafkajs";
import { testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../../e2e/support/test-topic";
import { timeOf } from "../../../e2e/support/time-of";
import { waitUntil } from "../../../e2e/support/wait-until";
import { Broker, createErrorFromCode, KafkaJSConnectionClosedError } from "../internals";

// What a broker answers for a moment only is put into its mouth; everything else is Kafka's.
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const INCONSISTENT_GROUP_PROTOCOL = 23;

let topic: TestTopic;
let consumer: Consumer;
let joined: string[];
let crashes: unknown[];

beforeEach(async () => {
  topic = await createTestTopic({ partitions: 1 });
  const retry = { retries: Number.MAX_SAFE_INTEGER };
  consumer = testKafka(topic.brokers).consumer({ groupId: topic.name, heartbeatInterval: 100, retry });
  [joined, crashes] = [[], []];
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => joined.push(payload.memberId));
  consumer.on(consumer.events.CRASH, ({ payload }) => crashes.push(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await consumer.disconnect();
  await topic.drop();
});

/** Its coordinator knows it no more from the next heartbeat on. */
const forget = (): unknown =>
  jest.spyOn(Broker.prototype, "heartbeat").mockImplementationOnce(async function (this: Broker) {
    await this.leaveGroup({ groupId: topic.name, memberId: joined[0] });
  });

const refuseOnce = (error: Error): unknown => jest.spyOn(Broker.prototype, "joinGroup").mockRejectedValueOnce(error);

test("a consumer that starts while its coordinator loads the groups asks again (kafkajs ends it)", async () => {
  refuseOnce(createErrorFromCode(COORDINATOR_LOAD_IN_PROGRESS));
  await consumer.run({ eachMessage: async () => {} });
  expect(joined).toHaveLength(1);
  expect(crashes).toEqual([]);
});

test("a consumer that its coordinator has forgotten is a member again, also when it cannot ask at once (kafkajs: never)", async () => {
  await consumer.run({ eachMessage: async () => {} });
  forget();
  refuseOnce(new KafkaJSConnectionClosedError("Closed connection", { host: "", port: 0 }));
  await waitUntil("it is a member again", () => joined.length === 2);
  expect(crashes).toEqual([]);
});

test("a consumer that its group refuses for good ends", async () => {
  refuseOnce(createErrorFromCode(INCONSISTENT_GROUP_PROTOCOL));
  await consumer.run({ eachMessage: async () => {} });
  await waitUntil("it has ended", () => crashes.length === 1);
  expect(joined).toEqual([]);
});

// Fails when it goes on asking: the process would end by its deadline, with an error.
test("a consumer that is not let in again is stopped all the same", async () => {
  await consumer.run({ eachMessage: async () => {} });
  const join = jest
    .spyOn(Broker.prototype, "joinGroup")
    .mockImplementation(() => Promise.reject(createErrorFromCode(COORDINATOR_LOAD_IN_PROGRESS)));
  forget();
  await waitUntil("it has been refused twice", () => join.mock.calls.length > 1);
  expect(await timeOf(() => consumer.stop())).toBeLessThan(2_000);
  expect(crashes).toEqual([]);
});
