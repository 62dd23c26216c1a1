import { type BreakablePart, breakableKafka } from "../../../e2e/support/breakable-stores";
import { produce, testKafka } from "../../../e2e/support/kafka-records";
import { createTestTopic } from "../../../e2e/support/test-topic";
import { waitUntil } from "../../../e2e/support/wait-until";

/** Shorter than a fetch waits, so that one may be due while a fetch is under way. */
const HEARTBEAT_INTERVAL_MS = 2_000;

let kafka: BreakablePart<string>;

beforeAll(() => {
  kafka = breakableKafka();
});

afterAll(() => kafka.drop());

test("a consumer that loses its only broker while a heartbeat is due stays its group's member (kafkajs ends it)", async () => {
  const { brokers, name } = await createTestTopic({ brokers: [await kafka.start()], partitions: 1 });
  const consumer = testKafka(brokers, Number.MAX_SAFE_INTEGER).consumer({
    groupId: name,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    maxWaitTimeInMs: 5 * HEARTBEAT_INTERVAL_MS,
    retry: { retries: Number.MAX_SAFE_INTEGER },
  });
  const { HEARTBEAT, GROUP_JOIN, CRASH, FETCH_START } = consumer.events;
  const crashes: string[] = [];
  const members = new Set<string>();
  const received: string[] = [];
  let [heartbeatAt, fetchingSince] = [Number.POSITIVE_INFINITY, 0];
  consumer.on(CRASH, ({ payload }) => crashes.push(String(payload.error)));
  consumer.on(GROUP_JOIN, ({ payload }) => {
    members.add(payload.memberId);
    heartbeatAt = Date.now();
  });
  consumer.on(HEARTBEAT, () => {
    heartbeatAt = Date.now();
  });
  consumer.on(FETCH_START, () => {
    fetchingSince = Date.now();
  });
  await consumer.connect();
  await consumer.subscribe({ topic: name });
  await consumer.run({ eachMessage: async ({ message }) => void received.push(String(message.value)) });

  // A record in the middle of the interval begins another fetch, which sends its own heartbeat only after an interval.
  await waitUntil("half an interval is over", () => Date.now() > heartbeatAt + HEARTBEAT_INTERVAL_MS / 2);
  await produce(brokers, name, [{ value: "before" }]);
  await waitUntil("a heartbeat is due", () => {
    return fetchingSince > heartbeatAt && Date.now() > heartbeatAt + HEARTBEAT_INTERVAL_MS;
  });
  await kafka.stop();
  await kafka.start();
  await produce(brokers, name, [{ value: "after" }]);
  await waitUntil("what comes next is received", () => received.includes("after"));
  expect(crashes).toEqual([]);
  expect(members.size).toBe(1);
  await consumer.disconnect();
});
