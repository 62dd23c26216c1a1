import { CompressionTypes, type Consumer, type EachBatchPayload, type Kafka, type KafkaMessage } from "kafkajs";
import { testKafka } from "../../e2e/support/kafka-records";
import { createTestTopic, type TestTopic } from "../../e2e/support/test-topic";
import { waitUntil } from "../../e2e/support/wait-until";
import { EXPANDED_LIMIT } from "./codecs/codecs";
import { asKafkajsHeaders, type Header, headersOf } from "./headers";
import { undecodableOf } from "./undecodable";

let topic: TestTopic;
let kafka: Kafka;
const open: { disconnect(): Promise<void> }[] = [];

beforeEach(async () => {
  topic = await createTestTopic();
  kafka = testKafka(topic.brokers);
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.disconnect();
  await topic.drop();
});

async function connected<T extends { connect(): Promise<void>; disconnect(): Promise<void> }>(part: T): Promise<T> {
  await part.connect();
  open.push(part);
  return part;
}

async function consumer(): Promise<Consumer> {
  const made = await connected(
    kafka.consumer({ groupId: topic.name, maxWaitTimeInMs: 100, heartbeatInterval: 200, sessionTimeout: 6_000 }),
  );
  await made.subscribe({ topic: topic.name, fromBeginning: true });
  return made;
}

/** Reads the topic until a record's value is "last", which is not among the result. */
async function readAll(): Promise<KafkaMessage[]> {
  const reader = await consumer();
  const messages: KafkaMessage[] = [];
  await new Promise<void>((resolve, reject) => {
    reader
      .run({
        eachMessage: async ({ message }) => {
          if (message.value?.toString() === "last") resolve();
          else messages.push(message);
        },
      })
      .catch(reject);
  });
  return messages;
}

const header = (key: string, value: string | null): Header => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

test("headers with repeats, nulls and names of any bytes pass through a broker in their order", async () => {
  const list = [
    header("h", "1"),
    header("__proto__", null),
    header("a", ""),
    header("h", "2"),
    { key: Buffer.from([0xff, 0x00]), value: Buffer.from([0x00, 0xff]) },
    header("h", null),
  ];
  const producer = await connected(kafka.producer());
  await producer.send({
    topic: topic.name,
    messages: [
      { value: "v", headers: asKafkajsHeaders(list) },
      { value: "w", headers: { plain: "1" } },
      { value: "last" },
    ],
  });
  expect((await readAll()).map(headersOf)).toEqual([list, [header("plain", "1")]]);
});

test("records of all four codecs pass the broker's own decoding and come back", async () => {
  const producer = await connected(kafka.producer());
  const value = Buffer.from("an order of some length ".repeat(20));
  const { None, GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;
  for (const compression of [None, GZIP, Snappy, LZ4, ZSTD]) {
    const messages = Array.from({ length: 300 }, (_, i) => ({ key: `${compression}-${i}`, value, timestamp: "1234" }));
    await producer.send({ topic: topic.name, compression, messages });
  }
  await producer.send({ topic: topic.name, messages: [{ value: "last" }] });
  const messages = await readAll();
  expect(messages.filter((message) => undecodableOf(message) !== undefined)).toEqual([]);
  expect(messages.map(({ key }) => key?.toString())).toEqual(
    [0, 1, 2, 3, 4].flatMap((codec) => Array.from({ length: 300 }, (_, i) => `${codec}-${i}`)),
  );
  expect(messages.every((message) => message.value?.equals(value) && message.timestamp === "1234")).toBe(true);
});

test("aborted records are never seen, committed ones are, and the lag ends at 0 behind a control record", async () => {
  const producer = await connected(
    kafka.producer({ transactionalId: topic.name, maxInFlightRequests: 1, idempotent: true }),
  );
  const inTransaction = async (value: string, end: "commit" | "abort"): Promise<void> => {
    const transaction = await producer.transaction();
    await transaction.send({ topic: topic.name, messages: [{ key: Buffer.alloc(4), value }, { value }] });
    await transaction[end]();
  };
  await inTransaction("aborted", "abort");
  await inTransaction("kept", "commit");
  await inTransaction("aborted", "abort");
  const admin = await connected(kafka.admin());
  // The end of a transaction is answered before its control record is written.
  await waitUntil("the last control record", async () => (await admin.fetchTopicOffsets(topic.name))[0]?.high === "9");

  const reader = await consumer();
  const seen: string[] = [];
  const atEnd = new Promise<void>((resolve) => {
    // Two records and a control record in each of three transactions.
    reader.on(reader.events.END_BATCH_PROCESS, ({ payload }) => payload.lastOffset === "8" && resolve());
  });
  await reader.run({
    eachBatch: async ({ batch }) => {
      seen.push(...batch.messages.map(({ value }) => String(value)));
    },
  });
  await atEnd;
  expect(seen).toEqual(["kept", "kept"]);
  await reader.stop();
  const committed = await admin.fetchOffsets({ groupId: topic.name, topics: [topic.name] });
  expect(committed).toMatchObject([{ partitions: [{ offset: "9" }] }]);
});

test("a bomb that the broker took is told as undecodable, and the record behind it arrives", async () => {
  const producer = await connected(kafka.producer());
  const bomb = { value: Buffer.alloc(EXPANDED_LIMIT + 1) };
  await producer.send({
    topic: topic.name,
    compression: CompressionTypes.GZIP,
    messages: [bomb, { value: "in it too" }],
  });
  await producer.send({ topic: topic.name, messages: [{ value: "behind it" }, { value: "last" }] });
  const messages = await readAll();
  expect(messages.map(undecodableOf)).toEqual([
    { firstOffset: 0n, lastOffset: 1n, recordCount: 2, error: "gzip: expands to more than 64 MiB" },
    undefined,
  ]);
  expect(messages[1]).toMatchObject({ offset: "2", value: Buffer.from("behind it") });
});

test("a rebalance comes out of heartbeat() inside eachBatch", async () => {
  const producer = await connected(kafka.producer());
  await producer.send({ topic: topic.name, messages: [{ value: "v" }] });
  const first = await consumer();
  let beginBatch: (payload: EachBatchPayload) => void;
  const inBatch = new Promise<EachBatchPayload>((resolve) => {
    beginBatch = resolve;
  });
  let failed: (error: unknown) => void;
  const failure = new Promise<unknown>((resolve) => {
    failed = resolve;
  });
  await first.run({
    eachBatchAutoResolve: false,
    eachBatch: async (payload) => {
      beginBatch(payload);
      try {
        for (;;) {
          await payload.heartbeat();
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } catch (error) {
        failed(error);
        throw error;
      }
    },
  });
  await inBatch;
  const second = await consumer();
  await second.run({ eachBatch: async () => {} });
  const error = await failure;
  expect(error).toMatchObject({ type: "REBALANCE_IN_PROGRESS" });
});
