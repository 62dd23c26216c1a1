import { Kafka, logLevel } from "kafkajs";
import pg from "pg";
import { testAddress } from "./test-address";
import { createTestDatabase } from "./test-database";
import { createTestTopic } from "./test-topic";
import { waitUntil } from "./wait-until";

const listTopics = async (): Promise<string[]> => {
  const brokers = testAddress("TEST_KAFKA_BROKERS").split(",");
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
};

const query = async (connectionString: string, sql: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

test("a test's database is migrated, empty and open to the three users, and gone after drop", async () => {
  const database = await createTestDatabase();
  for (const url of [database.ownerUrl, database.ingestorUrl, database.readerUrl]) {
    expect(await query(url, "SELECT count(*)::int AS orders FROM orders")).toEqual([{ orders: 0 }]);
  }
  await expect(query(database.readerUrl, "DELETE FROM orders")).rejects.toThrow(/permission denied/);
  const name = new URL(database.ownerUrl).pathname.slice(1);
  await database.drop();
  const left = await query(testAddress("TEST_DATABASE_URL"), `SELECT FROM pg_database WHERE datname = '${name}'`);
  expect(left).toEqual([]);
});

test("a test's topic exists until it is dropped", async () => {
  const topic = await createTestTopic({ partitions: 2 });
  expect(await listTopics()).toContain(topic.name);
  await topic.drop();
  await waitUntil("it is gone", async () => !(await listTopics()).includes(topic.name));
});

test("the topics of the system are there", async () => {
  expect(await listTopics()).toEqual(expect.arrayContaining(["orders", "orders.dlq"]));
});
