import { CompressionTypes, type Message } from "kafkajs";
import { exampleOrder, orderWithId } from "../e2e/support/judged-records";
import { deleteRecordsBefore, produce, readTopic, recreateTopic, testKafka } from "../e2e/support/kafka-records";
import { createTestDatabase } from "../e2e/support/test-database";
import { createTestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { EXPANDED_LIMIT } from "../runtime/kafka/codecs/codecs";
import { asKafkajsHeaders, type Header, headersOf } from "../runtime/kafka/headers";
import type { AuditResult } from "./audit/report";
import {
  ask,
  audit,
  createTestSystem,
  DELIVER_ALL,
  firstRecords,
  laterRecords,
  runTool,
  startTool,
  type TestSystem,
  undeliver,
} from "./audit/test-support";

/** One system is filled once; each test breaks a copy of its database, or of its dead letters. */
let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
  const ingestor = await system.ingest();
  await system.publish(firstRecords(), 9);
  await system.publish(laterRecords(), 11);
  await ingestor.stop();
});
afterAll(() => system?.drop());

/** The settings with a copy of the database that was changed by hand, as a superuser of nothing but SQL would. */
async function withSql(sql: string, test: (env: Readonly<Record<string, string>>) => Promise<void>): Promise<void> {
  const copy = await createTestDatabase(new URL(system.database.ownerUrl).pathname.slice(1));
  try {
    await ask(copy.ownerUrl, sql);
    await test({ ...system.env, DATABASE_URL: copy.ownerUrl });
  } finally {
    await copy.drop();
  }
}

/** The settings with a copy of the dead-letter topic that was changed by hand. */
async function withLetters(
  change: (letters: Message[]) => Message[],
  test: (env: Readonly<Record<string, string>>) => Promise<void>,
  cutBefore = 0,
): Promise<void> {
  const { brokers, name } = system.letters;
  const letters = (await readTopic(brokers, name, 4)).map(
    (message): Message => ({
      ...{ key: message.key, value: message.value, timestamp: message.timestamp },
      headers: asKafkajsHeaders(headersOf(message)),
    }),
  );
  const topic = await createTestTopic();
  try {
    await produce(brokers, topic.name, change(letters));
    if (cutBefore > 0) await deleteRecordsBefore(brokers, topic.name, cutBefore);
    await test({ ...system.env, KAFKA_DLQ_TOPIC: topic.name });
  } finally {
    await topic.drop();
  }
}

/** A dead letter with other texts in some of its headers. */
function withHeaders(letter: Message | undefined, change: (name: string, text: string) => string): Message {
  const headers = headersOf({ headers: letter?.headers ?? {} } as never).map(({ key, value }) =>
    String(key).startsWith("x-dlq-") ? header(String(key), change(String(key), String(value))) : { key, value },
  );
  return { ...letter, value: letter?.value ?? null, headers: asKafkajsHeaders(headers) };
}
const header = (key: string, value: string): Header => ({ key: Buffer.from(key), value: Buffer.from(value) });
const LONG_AGO = "2001-01-01T00:00:00.000Z";

const at = (partition: number, offset?: number) =>
  [system.orders.name, 1, partition, ...(offset === undefined ? [] : [offset])].join(":");
const of = (partition: number) => `WHERE partition = ${partition}`;

it("finds nothing wrong with a clean system, and tells what became of each partition's records", async () => {
  const { code, ok, partitions, differences } = await audit(system.env);
  expect({ code, ok, differences }).toEqual({ code: 0, ok: true, differences: [] });
  const common = { topic: system.orders.name, epoch: 1, gap: 0, lag: 0 };
  expect(partitions).toEqual([
    { ...common, partition: 0, received: 6, stored: 4, duplicate: 1, dead: 1 },
    { ...common, partition: 1, received: 3, stored: 2, duplicate: 0, dead: 1 },
    { ...common, partition: 2, received: 2, stored: 0, duplicate: 0, dead: 2 },
  ]);
});

// Fails when a key is added and not told.
it("tells in its help every key that --json has", async () => {
  const keysOf = (value: unknown): string[] => {
    if (typeof value !== "object" || value === null) return [];
    const members = Object.values(value).flatMap(keysOf);
    return Array.isArray(value) ? members : [...Object.keys(value), ...members];
  };
  const { code: _, stderr: __, ...result } = await audit(system.env);
  const [, told = ""] =
    /^--json is one line[^:]*:\n((?: {2}.*\n)+)/m.exec((await runTool("audit", ["--help"], {})).stdout) ?? [];
  expect(keysOf(result).filter((key) => !new RegExp(`\\b${key}\\b`).test(told))).toEqual([]);
});

it("needs no Kafka for a quick look, which says nothing of lags", async () => {
  const { code, ok, partitions } = await audit({ ...system.env, KAFKA_BROKERS: "127.0.0.1:1" }, "--quick");
  expect([code, ok, ...partitions.map(({ received, lag }) => [received, lag])]).toEqual([
    0,
    true,
    [6, null],
    [3, null],
    [2, null],
  ]);
});

it("leaves no consumer group behind", async () => {
  const admin = testKafka(system.orders.brokers).admin();
  await admin.connect();
  const listGroups = async (): Promise<string[]> => (await admin.listGroups()).groups.map(({ groupId }) => groupId);
  try {
    await audit(system.env);
    // Another test may be auditing at this moment: its groups are gone in the end as well.
    const left = (await listGroups()).filter((group) => group.startsWith("orders-audit-"));
    await waitUntil("they are gone", async () => {
      const groups = await listGroups();
      return !left.some((group) => groups.includes(group));
    });
  } finally {
    await admin.disconnect();
  }
});

it("finds a deleted order, also at a quick look", () =>
  withSql("DELETE FROM orders WHERE id = 'b'", async (env) => {
    const full = await audit(env);
    expect([full.code, full.ok, ...full.differences.map(({ kind, at }) => [kind, at])]).toEqual([
      ...[1, false, ["counter", at(0)]],
      ["lost", at(0, 1)],
    ]);
    const quick = await audit(env, "--quick");
    expect([quick.code, ...quick.differences]).toEqual([1, expect.objectContaining({ kind: "counter", at: at(0) })]);
  }));

it("finds the duplicates of a deleted order, too: nothing is left of what they meant", () =>
  withSql("DELETE FROM orders WHERE id = 'a'", async (env) => {
    const { differences } = await audit(env);
    const lost = differences.filter(({ kind }) => kind === "lost").map((each) => each.at);
    expect(lost).toEqual([at(0, 0), at(0, 4)]);
  }));

it("finds one changed byte of a document, without a word of the order", () =>
  withSql("UPDATE orders SET document = replace(document, 'Testov', 'Testof') WHERE id = 'd'", async (env) => {
    const { ok, differences, stderr } = await audit(env);
    expect([ok, ...differences.map(({ kind, at }) => [kind, at])]).toEqual([false, ["altered", at(1, 0)]]);
    expect(JSON.stringify(differences) + stderr).not.toMatch(/Test|Kiryat/);
  }));

it("finds a counter that is off by one though the sum is right, also at a quick look", () =>
  withSql(`UPDATE positions SET stored = stored + 1, duplicate = duplicate - 1 ${of(0)}`, async (env) => {
    const { ok, differences } = await audit(env);
    expect([ok, ...differences]).toEqual([
      false,
      { kind: "counter", at: at(0), detail: "stored is 5, orders has 4 rows" },
      { kind: "counter", at: at(0), detail: "duplicate is 0, the log has 1" },
    ]);
    expect((await audit(env, "--quick")).ok).toBe(false);
  }));

it("finds a record that was counted and is not in the log", () =>
  withSql(`UPDATE positions SET received = received + 1, duplicate = duplicate + 1 ${of(1)}`, async (env) => {
    expect((await audit(env)).differences).toEqual([
      { kind: "counter", at: at(1), detail: "duplicate is 1, the log has 0" },
    ]);
  }));

it("finds an order that no record has brought", () =>
  withSql(
    `INSERT INTO orders SELECT 'smuggled', document, sha256, epoch, partition, 1 FROM orders WHERE id = 'd'`,
    async (env) => {
      const { differences } = await audit(env);
      expect(differences.map(({ kind, at }) => [kind, at])).toEqual([
        ["counter", at(1)],
        ["twice", at(1, 1)],
        ["altered", at(1, 1)],
      ]);
    },
  ));

// Fails when the outbox, the replays' ledger or a position's last record is believed without a look at the log.
it("finds an order that was moved to the outbox, replays that never were, and a position with another last record", () =>
  withSql(
    `WITH moved AS (DELETE FROM orders WHERE id = 'b' RETURNING *)
       INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, value, headers, "timestamp")
       SELECT epoch, partition, "offset", "offset", topic, 'conflict', '/', convert_to(document, 'UTF8'), '\\x00', 0
       FROM moved JOIN epochs ON epochs.id = epoch;
     ${DELIVER_ALL};
     UPDATE positions SET stored = stored - 1, dead = dead + 1 ${of(0)};
     UPDATE positions SET last_digest = sha256('another') ${of(1)};
     INSERT INTO replay_runs (operator) VALUES ('nobody');
     INSERT INTO replays (dlq_id, replay, state, run, first_failed_at, digest, epoch, partition, search_from, "offset")
       VALUES ('here', 1, 'stored', 1, now(), '', 1, 0, 0, 0), ('nowhere', 1, 'failed', 1, now(), '', 1, 0, 0, 999)`,
    async (env) => {
      const { differences } = await audit(env);
      const told = differences.map(({ kind, at, detail }) => [kind, at, /conflict|(no)?where|here/.exec(detail)?.[0]]);
      for (const each of [
        ["altered", at(0, 1), "conflict"],
        ["position", at(1), undefined],
        ["ledger", at(0, 0), "here"],
        ["ledger", at(0, 999), "nowhere"],
      ]) {
        expect(told).toContainEqual(each);
      }
      expect((await audit(env, "--quick")).differences).toMatchObject([{ kind: "ledger", at: at(0, 999) }]);
    },
  ));

it("finds a changed dead letter in the outbox, and that its letter says otherwise", () =>
  withSql(`UPDATE outbox SET value = '[', "timestamp" = 5 ${of(0)}`, async (env) => {
    const { ok, differences } = await audit(env);
    expect([ok, ...differences.map(({ kind, detail }) => [kind, detail])]).toEqual([
      ...[false, ["altered", "the outbox has another value, timestamp than the record"]],
      ["letter-altered", expect.stringContaining("another value, timestamp than its row")],
      ["letter-missing", expect.any(String)],
    ]);
  }));

it("finds a rejected record whose row of the outbox was deleted, and takes its letter for a forged one", () =>
  withSql(`DELETE FROM outbox ${of(1)}`, async (env) => {
    const { differences } = await audit(env);
    expect(differences.map(({ kind }) => kind)).toEqual(["counter", "lost", "letter-forged"]);
  }));

it("names a dead letter that waits, and one that Kafka refuses", () =>
  withSql(
    `${undeliver("partition = 0", "MESSAGE_TOO_LARGE")}; ${undeliver("partition = 1")};
     UPDATE outbox SET failed_at = now() - interval '5 minutes' WHERE partition < 2`,
    async (env) => {
      const { ok, differences } = await audit(env, "--wait", "0");
      expect([ok, ...differences.map(({ kind, at }) => [kind, at]).toSorted()]).toEqual([
        ...[false, ["refused", at(0, 2)]],
        ["undelivered", at(1, 1)],
      ]);
      expect((await audit(env, "--quick")).differences).toHaveLength(2);
    },
  ));

it("finds a dead letter that is not in its topic", () =>
  withLetters(
    (letters) => letters.filter(({ value }) => value?.toString() !== "{"),
    async (env) => {
      const { ok, differences } = await audit(env);
      expect([ok, ...differences]).toEqual([
        false,
        { kind: "letter-missing", at: at(0, 2), detail: expect.stringMatching(/^outbox row \d+$/) },
      ]);
    },
  ));

/** The letters in the order of their records' places. */
const inOrder = (letters: readonly Message[]): Message[] =>
  letters.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
const placeOf = ({ headers }: Message): string =>
  headersOf({ headers } as never)
    .filter(({ key }) => String(key) === "x-dlq-id")
    .map(({ value }) => String(value))
    .join();

// Fails when the missing letters of a topic that was cut are all excused, or are excused in any number.
it("excuses the dead letters that Kafka may have deleted, and none that failed later or are too many", () =>
  withSql(
    `UPDATE outbox SET failed_at = now() - interval '1 hour' * (9 - 2 * partition - "offset" % 2);
     UPDATE outbox_delivered SET delivered_at = failed_at + interval '1 minute' FROM outbox
       WHERE outbox.id = outbox_delivered.id`,
    async (copy) => {
      const missing = async ({ KAFKA_DLQ_TOPIC = "" }: Readonly<Record<string, string>>) => {
        const { ok, letters, differences } = await audit({ ...copy, KAFKA_DLQ_TOPIC });
        return [ok, letters, ...differences.map(({ kind, at }) => [kind, at])];
      };
      const lost = (...places: readonly [number, number][]) =>
        places.map(([partition, offset]) => ["letter-missing", at(partition, offset)]);
      const cutAndLost = async (env: Readonly<Record<string, string>>) =>
        expect(await missing(env)).toEqual([false, { purged: 1, earlier: 0 }, ...lost([2, 1])]);
      await withLetters((letters) => inOrder(letters).slice(0, 3), cutAndLost, 1);
      const emptied = async (env: Readonly<Record<string, string>>) => {
        const [ok, letters, ...differences] = await missing(env);
        expect([ok, letters, differences.length]).toEqual([false, { purged: 2, earlier: 0 }, 2]);
      };
      await withLetters((letters) => inOrder(letters).slice(0, 2), emptied, 2);
      const onlyCut = async (env: Readonly<Record<string, string>>) =>
        expect(await missing(env)).toEqual([true, { purged: 1, earlier: 0 }]);
      await withLetters(inOrder, onlyCut, 1);
    },
  ));

it("finds forged dead letters, also one that claims to be old, and allows a second copy of a right one", () =>
  withLetters(
    (letters) => {
      const [first] = letters;
      const elsewhere = (name: string, text: string) =>
        /-(id|offset)$/.test(name) ? text.replace(/\d+$/, "99") : text;
      const renamed = withHeaders(first, elsewhere);
      const old = withHeaders(renamed, (name, text) => (name.endsWith("failed-at") ? LONG_AGO : text));
      return [...letters, first ?? { value: null }, renamed, { value: "{}" }, old];
    },
    async (env) => {
      const { ok, differences } = await audit(env);
      const topic = env["KAFKA_DLQ_TOPIC"];
      expect([ok, ...differences.map(({ kind, at }) => [kind, at]).toSorted()]).toEqual([
        false,
        ...[5, 6, 7].map((offset) => ["letter-forged", `${topic}:0:${offset}`]),
      ]);
    },
  ));

// Fails when what a database that was lost, or taken back, has written counts as forged for ever.
it("takes the dead letters of an earlier life of the database for what they are", () =>
  withLetters(
    (letters) => {
      // A predecessor's: its epochs began with 1 as well, of another topic of that name.
      const predecessor = withHeaders(letters[0], (name, text) => (name.endsWith("failed-at") ? LONG_AGO : text));
      const beyond = withHeaders(predecessor, (name, text) => (/-(id|offset)$/.test(name) ? `${text}99` : text));
      // This one's, before it was taken back behind a change of the epoch.
      const earlier = inEarlierEpoch(letters[1]);
      return [{ ...predecessor, value: "another topic's" }, beyond, earlier, ...letters];
    },
    async (env) => {
      const { ok, stderr, letters } = await audit(env);
      expect([ok, stderr]).toEqual([true, expect.stringContaining("3 dead letters are of an earlier life")]);
      expect(letters).toEqual({ purged: 0, earlier: 3 });
      const strict = await audit(env, "--earlier", "2");
      expect([strict.ok, ...strict.differences.map(({ kind }) => kind)]).toEqual([false, "letter-earlier"]);
      expect((await audit(env, "--earlier", "3")).ok).toBe(true);
    },
  ));

/** The letter as the database wrote it a moment before it was taken back: the record failed anew since. */
const inEarlierEpoch = (letter: Message | undefined, earlierMs = 1): Message =>
  withHeaders(letter, (name, text) => {
    if (name === "x-dlq-id") return text.replace(":1:", ":7:");
    return name === "x-dlq-failed-at" ? new Date(Date.parse(text) - earlierMs).toISOString() : text;
  });

// Fails when any byte copy of a real letter under another epoch is taken for one of an earlier life.
it("finds a copy of a dead letter under another epoch that failed no earlier, or came when the record had failed", () =>
  withLetters(
    (letters) => [inEarlierEpoch(letters[1], 0), ...letters, inEarlierEpoch(letters[1])],
    async (env) => {
      const { letters, differences } = await audit(env);
      const topic = env["KAFKA_DLQ_TOPIC"];
      expect(letters).toEqual({ purged: 0, earlier: 0 });
      expect(differences.map(({ kind, at }) => [kind, at])).toEqual(
        [0, 5].map((offset) => ["letter-forged", `${topic}:0:${offset}`]),
      );
    },
  ));

// Fails when two rows of one x-dlq-id are taken for one, or when a letter's words are not looked at.
it("knows two failures under one x-dlq-id apart, and finds words that were changed behind their delivery", () =>
  withSql(
    `INSERT INTO epochs (id, topic) SELECT 0, topic FROM epochs;
     INSERT INTO positions (epoch, partition, next_offset, received, dead) VALUES (0, 0, 3, 1, 1);
     INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, key, value, headers, "timestamp",
         dlq_id, replays, first_failed_at)
       SELECT 0, partition, "offset", last_offset, topic, reason, errors, key, value, headers, "timestamp",
         topic || ':1:0:2', 1, failed_at FROM outbox ${of(0)};
     ${DELIVER_ALL};
     UPDATE outbox SET reason = 'crash' ${of(1)};
     UPDATE outbox SET errors = '/ is fine' ${of(2)} AND value IS NULL`,
    (copy) =>
      withLetters(
        (letters) => [
          ...letters,
          ...letters
            .filter(({ value }) => String(value) === "{")
            .map((letter) => withHeaders(letter, (name, text) => (name === "x-dlq-replays" ? "1" : text))),
        ],
        async ({ KAFKA_DLQ_TOPIC = "" }) => {
          const { differences } = await audit({ ...copy, KAFKA_DLQ_TOPIC });
          const told = (kind: string) => differences.filter((each) => each.kind === kind).map(({ detail }) => detail);
          expect(told("letter-altered").toSorted()).toEqual([
            expect.stringContaining(':1:1:1" has another reason than its row'),
            expect.stringContaining(':1:2:0" has another errors than its row'),
          ]);
          expect(told("letter-missing")).toHaveLength(2);
        },
      ),
  ));

it("finds a dead letter that is not its record's bytes", () =>
  withLetters(
    (letters) =>
      letters.map((letter) => (letter.value?.toString() === "{" ? { ...letter, key: null, timestamp: "7" } : letter)),
    async (env) => {
      const { differences } = await audit(env);
      expect(differences.map(({ kind, detail }) => [kind, detail])).toEqual([
        ["letter-altered", expect.stringContaining("another key, timestamp than its row")],
        ["letter-missing", expect.any(String)],
      ]);
    },
  ));

it("passes over the dead letters of other topics", () =>
  withLetters(
    (letters) => [
      ...letters,
      ...letters.map((letter) => withHeaders(letter, (name, text) => (name === "x-dlq-topic" ? "another" : text))),
    ],
    async (env) => expect(await audit(env)).toMatchObject({ ok: true }),
  ));

it("names as many differences as it is asked for, and counts the others", () =>
  withSql("DELETE FROM orders", async (env) => {
    const { differences, stderr } = await audit(env, "--differences", "2");
    expect(differences).toHaveLength(2);
    // Three counters (two of orders, one of a duplicate that is none any more), six orders, the duplicate and the conflict.
    expect(stderr).toContain("and 9 more differences");
  }));

it("waits for the ingestor, and says so; without one it is not ok, and says how much is missing", async () => {
  const own = await createTestSystem({ partitions: 2 });
  try {
    await produce(own.orders.brokers, own.orders.name, [
      { partition: 0, value: orderWithId("a") },
      { partition: 0, value: orderWithId("b") },
    ]);
    const alone = await audit(own.env, "--wait", "0");
    expect([alone.code, alone.ok, alone.differences]).toEqual([1, false, []]);
    expect(alone.partitions.map(({ epoch, received, lag }) => [epoch, received, lag])).toEqual([
      [null, 0, 2],
      [null, 0, 0],
    ]);

    const { child, ended } = startTool("audit", ["--json", "--wait", "120"], own.env);
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    await waitUntil("it waits", () => said.includes("waiting for the ingestor: 2 offsets to be ingested"));
    await own.ingest();
    const { ok, partitions } = JSON.parse((await ended).stdout) as AuditResult;
    expect([ok, ...partitions.map(({ epoch, received, lag }) => [epoch, received, lag])]).toEqual([
      true,
      [1, 2, 0],
      [1, 0, 0],
    ]);
  } finally {
    await own.drop();
  }
});

it("is not ok with a recorded gap, nor with a log that has lost what was not ingested", async () => {
  const own = await createTestSystem({ partitions: 1 });
  const admin = testKafka(own.orders.brokers).admin();
  await admin.connect();
  try {
    const ingestor = await own.ingest();
    await own.publish([{ value: orderWithId("a") }], 1);
    await ingestor.stop();
    await produce(own.orders.brokers, own.orders.name, [{ value: "1" }, { value: "2" }, { value: orderWithId("b") }]);
    await admin.fetchTopicOffsets(own.orders.name);
    await admin.deleteTopicRecords({ topic: own.orders.name, partitions: [{ partition: 0, offset: "3" }] });
    const unread = await audit(own.env, "--wait", "0");
    expect([unread.ok, unread.partitions[0]?.lag, ...unread.differences]).toEqual([
      ...[false, 1],
      {
        kind: "position",
        at: `${own.orders.name}:1:0`,
        detail: expect.stringContaining("deleted 2 offsets from 1 on"),
      },
    ]);

    await own.ingest();
    await waitUntil("the last record ingested", async () => {
      const [row] = await ask(own.database.ownerUrl, "SELECT received FROM positions");
      return row?.["received"] === "2";
    });
    const { code, ok, partitions, differences } = await audit(own.env);
    expect({ code, ok, differences }).toEqual({ code: 1, ok: false, differences: [] });
    expect(partitions).toMatchObject([{ received: 2, stored: 2, gap: 2, lag: 0 }]);
    expect((await audit(own.env, "--quick")).ok).toBe(false);
  } finally {
    await admin.disconnect();
    await own.drop();
  }
});

it("is exact about transactions, about a batch that cannot be decoded, and about a database that was put back", async () => {
  const own = await createTestSystem({ partitions: 1 });
  const kafka = testKafka(own.orders.brokers);
  const producer = kafka.producer({ transactionalId: own.orders.name, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  try {
    for (const end of ["abort", "commit", "abort"] as const) {
      const transaction = await producer.transaction();
      const messages = [{ value: orderWithId(end) }, { value: exampleOrder }, { value: "x" }];
      await transaction.send({ topic: own.orders.name, messages });
      await transaction[end]();
    }
    const bomb = { value: Buffer.alloc(EXPANDED_LIMIT + 1) };
    await produceGzipped(own, [bomb, { value: "in it too" }]);
    const ingestor = await own.ingest();
    const whole = {
      ok: true,
      differences: [],
      partitions: [{ received: 5, stored: 2, duplicate: 0, dead: 3, lag: 0 }],
    };
    await own.publish([], 5);
    expect(await audit(own.env)).toMatchObject(whole);

    await ingestor.stop();
    await ask(
      own.database.ownerUrl,
      `UPDATE positions SET next_offset = 0, received = 0, stored = 0, dead = 0; DELETE FROM orders; DELETE FROM outbox`,
    );
    await own.ingest();
    await own.publish([], 5);
    expect(await readTopic(own.letters.brokers, own.letters.name, 4)).toHaveLength(4);
    expect(await audit(own.env)).toMatchObject(whole);
  } finally {
    await producer.disconnect();
    await own.drop();
  }
});

async function produceGzipped({ orders }: TestSystem, messages: Message[]): Promise<void> {
  const producer = testKafka(orders.brokers).producer();
  await producer.connect();
  await producer.send({ topic: orders.name, compression: CompressionTypes.GZIP, messages });
  await producer.disconnect();
}

// Fails when the records of the new topic are compared with the positions of the old one, of which it has more; and
// when nothing is said of where the old one's ended, as if all of it had been ingested.
it("knows the lives of a topic apart, also before an ingestor does", async () => {
  const own = await createTestSystem({ partitions: 1 });
  try {
    const ingestor = await own.ingest();
    await own.publish([{ value: orderWithId("a") }, { value: "1" }, { value: "2" }], 3);
    await ingestor.stop();
    await recreateTopic(own.orders.brokers, own.orders.name);
    await produce(
      own.orders.brokers,
      own.orders.name,
      [..."bcdef"].map((id) => ({ value: orderWithId(id) })),
    );
    const early = await audit(own.env, "--wait", "0");
    expect([early.ok, ...early.differences]).toEqual([
      false,
      {
        kind: "position",
        at: `${own.orders.name}:1`,
        detail: expect.stringContaining("was made anew, and no ingestor"),
      },
    ]);
    expect(early.partitions.map(({ epoch, received, lag }) => [epoch, received, lag])).toEqual([
      [1, 3, null],
      [null, 0, 5],
    ]);
    const endedLives = [{ topic: own.orders.name, epoch: 1, positions: [{ partition: 0, nextOffset: 3 }] }];
    expect(early.endedLives).toEqual(endedLives);

    await own.ingest();
    await own.publish([], 8);
    const { ok, partitions, differences, stderr, ...whole } = await audit(own.env);
    expect({ ok, differences, ended: whole.endedLives }).toEqual({ ok: true, differences: [], ended: endedLives });
    expect((await audit(own.env, "--quick")).endedLives).toEqual(endedLives);
    expect(stderr).toContain(
      `${own.orders.name}:1 ended when the topic was made anew, its positions at 3 (partition 0); what the deleted`,
    );
    expect(partitions).toMatchObject([
      { epoch: 1, received: 3, stored: 1, dead: 2, lag: null },
      { epoch: 2, received: 5, stored: 5, dead: 0, lag: 0 },
    ]);
  } finally {
    await own.drop();
  }
});

it("tells in words, without a trace, that it was used wrongly or cannot find out", async () => {
  expect(await runTool("audit", ["--nonsense"], system.env)).toMatchObject({
    ...{ code: 2, stdout: "" },
    stderr: expect.stringContaining("unknown option '--nonsense'"),
  });
  const noDatabase = await runTool("audit", [], { ...system.env, DATABASE_URL: "postgresql://127.0.0.1:1/orders" });
  expect(noDatabase).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("ECONNREFUSED") });
  expect(noDatabase.stderr).toContain("npm start");
  expect(noDatabase.stderr).not.toContain("    at ");
});
