import type { KafkaMessage, Producer } from "kafkajs";
import { orderWithId } from "../../e2e/support/judged-records";
import { readTopic, testKafka } from "../../e2e/support/kafka-records";
import { createTestDatabase, type TestDatabase } from "../../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../../e2e/support/test-topic";
import { deadLetterId, writeDeadLetterHeaders } from "../../ingestor/dead-letter";
import { asKafkajsHeaders, headersOf } from "../../runtime/kafka/headers";
import { ask } from "../audit/test-support";
import { findSent } from "./find-sent";
import { Ledger } from "./ledger";
import { nextReplayOf, readLetter } from "./letter";
import { sendReady } from "./send";
import type { ReadyLetter } from "./sift";

const LARGEST = 100_000;
let database: TestDatabase;
let topic: TestTopic;
let ledger: Ledger;

beforeAll(async () => {
  [database, topic] = await Promise.all([
    createTestDatabase(),
    createTestTopic({ config: { "max.message.bytes": String(LARGEST) } }),
  ]);
  ledger = new Ledger(database.ownerUrl);
  await ledger.open(false);
});

afterAll(async () => {
  await ledger.close();
  await Promise.all([database.drop(), topic.drop()]);
});

function readyLetter(offset: bigint, value = orderWithId(`o${offset}`)): ReadyLetter {
  const place = { topic: topic.name, partition: 0, offset };
  const times = { firstFailedAt: new Date(), failedAt: new Date() };
  const info = {
    ...place,
    ...times,
    id: deadLetterId({ ...place, epoch: 1 }),
    reason: "schema",
    errors: "/ x",
    replays: 0,
  };
  const headers = asKafkajsHeaders(writeDeadLetterHeaders([], { ...info, reason: "schema" }));
  const letter = readLetter({ key: null, value, offset: String(offset), headers } as KafkaMessage, 0, topic.name);
  if (!letter) throw new Error("it is no letter");
  return { kind: "ready", letter, next: nextReplayOf(letter), mended: null, edit: null, orderId: null };
}

/** An answer that does not come, as kafkajs tells it. */
const noAnswer = Object.assign(new Error("no answer"), { name: "KafkaJSRequestTimeoutError", retriable: true });

/** Sends by a producer of which each call ends in one of these ways, then well. */
async function send(letters: readonly ReadyLetter[], accidents: ("before it is sent" | "after it is sent")[]) {
  const kafka = testKafka(topic.brokers);
  const producer = kafka.producer({ retry: { retries: 0 } });
  await producer.connect();
  const unlucky: Pick<Producer, "send"> = {
    send: async (record) => {
      const accident = accidents.shift();
      if (accident === "before it is sent") throw noAnswer;
      const metadata = await producer.send(record);
      if (accident === "after it is sent") throw noAnswer;
      return metadata;
    },
  };
  try {
    return await sendReady(letters, {
      ...{ ledger, topic: topic.name, epoch: 1, ends: new Map([[0, 0n]]), rate: undefined, pace: async () => {} },
      producer: unlucky,
      signal: new AbortController().signal,
      say: () => {},
      findSent: (replays) => findSent(replays, { kafka, topic: topic.name }),
    });
  } finally {
    await producer.disconnect();
  }
}

const offsetsOf = async (records: number): Promise<string[]> => {
  const messages = await readTopic(topic.brokers, topic.name, records);
  return messages.map(
    (message) => String(headersOf(message).find(({ key }) => String(key) === "x-dlq-id")?.value).split(":")[3] ?? "",
  );
};

/** Fails when a request without an answer is sent again without a look into the topic (G1). */
it("a request whose answer was lost is not sent again, one that never left is", async () => {
  await send([readyLetter(0n), readyLetter(1n)], ["after it is sent"]);
  await send([readyLetter(2n)], ["before it is sent", "after it is sent"]);
  expect(await offsetsOf(3)).toEqual(["0", "1", "2"]);
  expect(await ask(database.ownerUrl, 'SELECT state, "offset" FROM replays ORDER BY dlq_id')).toEqual([
    ...["0", "1", "2"].map((offset) => ({ state: "sent", offset })),
  ]);
});

/** Fails when the ledger keeps bytes that Kafka has refused: the next run would send them again. */
it("a record that Kafka refuses stays, and costs those beside it nothing", async () => {
  const large = { ...readyLetter(11n), mended: Buffer.alloc(LARGEST, "\u0001\u0002") };
  const { staying } = await send([readyLetter(10n), large, readyLetter(12n)], []);
  expect(staying).toMatchObject([{ letter: large.letter, why: "refused-by-kafka", detail: "MESSAGE_TOO_LARGE" }]);
  expect((await offsetsOf(5)).slice(3)).toEqual(["10", "12"]);
  expect(await ask(database.ownerUrl, "SELECT dlq_id, value FROM replays WHERE state = 'planned'")).toEqual([
    { dlq_id: large.letter.info.id, value: null },
  ]);
});

/** Fails when the look into the topic ends where an open transaction holds other readers back (G1). */
it("what was sent behind somebody's open transaction is found, and not sent again", async () => {
  const wish = { transactionalId: topic.name, idempotent: true, maxInFlightRequests: 1 };
  const stranger = testKafka(topic.brokers).producer(wish);
  await stranger.connect();
  try {
    const transaction = await stranger.transaction();
    await transaction.send({ topic: topic.name, messages: [{ value: "not committed" }] });
    await send([readyLetter(20n)], ["after it is sent"]);
    await transaction.abort();
  } finally {
    await stranger.disconnect();
  }
  await send([readyLetter(21n)], []);
  expect((await offsetsOf(7)).slice(5)).toEqual(["20", "21"]);
});

it("what is not in this run's hand is never marked", async () => {
  const stranger = { id: deadLetterId({ topic: topic.name, epoch: 1, partition: 0, offset: 99n }), replay: 1 };
  await expect(ledger.markSent([{ ...stranger, offset: 0n }])).rejects.toThrow("has 0 of 1 replays in this run's hand");
  await expect(ledger.giveBack([stranger])).rejects.toThrow("has 0 of 1 replays in this run's hand");
});
