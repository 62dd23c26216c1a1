import { randomBytes } from "node:crypto";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { testAddress } from "./test-address";
import { waitUntil } from "./wait-until";

/** A topic of a test's own, with the limits of `orders`. */
export interface TestTopic {
  readonly name: string;
  readonly brokers: string[];
  drop(): Promise<void>;
}

/**
 * @param config further settings of the topic, by Kafka's names
 * @param brokers of a test's own, if they are not those that all tests share
 */
export async function createTestTopic({
  partitions = 1,
  config = {},
  brokers = testAddress("TEST_KAFKA_BROKERS").split(","),
}: {
  partitions?: number;
  config?: Readonly<Record<string, string>>;
  brokers?: string[];
} = {}): Promise<TestTopic> {
  const name = `test-${randomBytes(6).toString("hex")}`;
  const asAdmin = async (act: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new Kafka({
      clientId: "test-topic",
      brokers,
      connectionTimeout: 10_000,
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    try {
      await act(admin);
    } finally {
      await admin.disconnect();
    }
  };
  const settings = { "max.message.bytes": "8388608", ...ANY_TIMESTAMP, ...config };
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await asAdmin(async (admin) => {
    // False where an attempt that was given up has made it.
    await waitUntil(`${name} is made`, async () => {
      const topics = [{ topic: name, numPartitions: partitions, configEntries }];
      await admin.createTopics({ topics, waitForLeaders: false, timeout: PATIENCE_MS });
      return true;
    });
    await waitUntil(`${name} has its leaders`, async () => (await admin.fetchTopicOffsets(name)).length === partitions);
  });
  return {
    name,
    brokers,
    drop: () => asAdmin((admin) => admin.deleteTopics({ topics: [name], timeout: PATIENCE_MS })),
  };
}

/** A broker that is busy with other topics answers late. */
const PATIENCE_MS = 20_000;

const ANY_TIMESTAMP = {
  "message.timestamp.before.max.ms": "9223372036854775807",
  "message.timestamp.after.max.ms": "9223372036854775807",
};
