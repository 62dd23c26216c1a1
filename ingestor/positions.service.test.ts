import pg from "pg";
import { createIngestedTopic, type IngestedTopic } from "../e2e/support/ingested-topic";
import { orderWithId } from "../e2e/support/judged-records";
import {
  addPartitions,
  deleteGroup,
  deleteRecordsBefore,
  lagOf,
  produce,
  produceInTransaction,
  readTopic,
  recreateTopic,
} from "../e2e/support/kafka-records";
import type { RunningIngestor } from "../e2e/support/run-ingestor";
import { waitUntil } from "../e2e/support/wait-until";

/** A topic of a test's own, what is done with it and what came of it. */
function followedBy(topic: IngestedTopic) {
  const { owner, orders, publish } = topic;
  let ingestor: RunningIngestor;
  const storedIds = async (): Promise<string[]> => {
    const { rows } = await owner.query<{ id: string }>("SELECT id FROM orders ORDER BY id");
    return rows.map(({ id }) => id);
  };
  return {
    ...{ topic, owner, orders, publish, storedIds },
    start: async (group?: string): Promise<void> => {
      ingestor = await topic.ingest(group);
    },
    /** The one that was started last. */
    running: (): RunningIngestor => ingestor,
    untilStored: (...ids: string[]): Promise<unknown> =>
      waitUntil(`${ids} stored`, async () => (await storedIds()).join() === ids.join()),
    hasLogged: (event: string): boolean => ingestor.log.some((line) => line["event"] === event),
    positions: async (): Promise<Record<string, unknown>[]> => {
      const { rows } = await owner.query(
        `SELECT epoch, next_offset::int, received::int, stored::int, duplicate::int, gap::int FROM positions ORDER BY epoch, partition`,
      );
      return rows;
    },
    /**
     * What putting back an older copy does to the tables. The positions first: while they are locked no batch commits
     * between the two statements, and whatever committed before them is in both.
     */
    putBackTo: async (nextOffset: number): Promise<void> => {
      await owner.query("BEGIN");
      await owner.query(
        `UPDATE positions SET next_offset = $1, received = $1, stored = $1, last_offset = NULL, last_digest = NULL`,
        [nextOffset],
      );
      await owner.query(`DELETE FROM orders WHERE "offset" >= $1`, [nextOffset]);
      await owner.query("COMMIT");
    },
  };
}

/** The tests run side by side, for they wait more than they work: each has a topic and a database of its own. */
const followed =
  <Case extends readonly unknown[]>(test: (system: ReturnType<typeof followedBy>, ...row: Case) => Promise<void>) =>
  async (...row: Case): Promise<void> => {
    const topic = await createIngestedTopic();
    try {
      await test(followedBy(topic), ...row);
    } finally {
      await topic.drop();
    }
  };

test.concurrent(
  "a database that is put back to an older copy is refilled while nothing else comes in",
  followed(async ({ publish, start, untilStored, hasLogged, positions, putBackTo }) => {
    await start();
    await publish("a", "b", "c");
    await untilStored("a", "b", "c");
    await putBackTo(1);
    await untilStored("a", "b", "c");
    expect(hasLogged("positions.restored")).toBe(true);
    expect(await positions()).toMatchObject([{ next_offset: 3, received: 3, stored: 3, duplicate: 0 }]);
  }),
);

test.concurrent(
  "a database that is put back while orders come in is refilled too",
  followed(async ({ publish, start, untilStored, positions, putBackTo }) => {
    await start();
    await publish("a", "b", "c");
    await untilStored("a", "b", "c");
    await Promise.all([putBackTo(0), publish("d")]);
    await untilStored("a", "b", "c", "d");
    expect(await positions()).toMatchObject([{ next_offset: 4, received: 4, stored: 4 }]);
  }),
);

test.concurrent(
  "a database that was emptied begins at the first record of the log, whatever Kafka has committed",
  followed(async ({ owner, publish, start, running, untilStored }) => {
    await start();
    await publish("a", "b");
    await untilStored("a", "b");
    await running().stop();
    await owner.query("TRUNCATE orders, positions, epochs, outbox");
    await start();
    await untilStored("a", "b");
  }),
);

test.concurrent(
  "a topic that was made anew begins a new epoch from its start",
  followed(async ({ orders, publish, start, running, untilStored, hasLogged, positions }) => {
    await start();
    await publish("a", "b", "c");
    await untilStored("a", "b", "c");
    await running().stop();
    await recreateTopic(orders.brokers, orders.name);
    await publish("d");
    await start();
    await untilStored("a", "b", "c", "d");
    expect(hasLogged("positions.topic-made-anew")).toBe(true);
    expect(await positions()).toMatchObject([
      { next_offset: 3, stored: 3 },
      { next_offset: 1, stored: 1 },
    ]);
  }),
);

test.concurrent(
  "a topic that was made anew is recognised also when it has grown past the old position",
  followed(async ({ orders, publish, start, running, untilStored, hasLogged, positions }) => {
    await start();
    await publish("a", "b");
    await untilStored("a", "b");
    await running().stop();
    await recreateTopic(orders.brokers, orders.name);
    await publish("c", "d", "e", "f");
    await start();
    await untilStored("a", "b", "c", "d", "e", "f");
    expect(hasLogged("positions.topic-made-anew")).toBe(true);
    expect(await positions()).toMatchObject([
      { next_offset: 2, stored: 2 },
      { next_offset: 4, received: 4, stored: 4 },
    ]);
  }),
);

test.concurrent(
  "the same topic goes on in its epoch",
  followed(async ({ publish, start, running, untilStored, hasLogged, positions }) => {
    await start();
    await publish("a", "b");
    await untilStored("a", "b");
    await running().stop();
    await publish("c");
    await start();
    await untilStored("a", "b", "c");
    expect(hasLogged("positions.topic-made-anew")).toBe(false);
    expect(await positions()).toMatchObject([{ next_offset: 3, received: 3, stored: 3, duplicate: 0 }]);
  }),
);

test.concurrent(
  "offsets that Kafka deleted before they were ingested are recorded as a gap, never passed over in silence",
  followed(async ({ orders, publish, start, running, untilStored, hasLogged, positions }) => {
    await start();
    await publish("a");
    await untilStored("a");
    await running().stop();
    await publish("b", "c", "d");
    await deleteRecordsBefore(orders.brokers, orders.name, 3);
    await start();
    await untilStored("a", "d");
    expect(hasLogged("positions.gap")).toBe(true);
    const metrics = await (await fetch(`${running().url}/metrics`)).text();
    expect(metrics).toContain('orders_ingestor_gap_offsets_total{partition="0"} 2\n');
    expect(await positions()).toMatchObject([{ next_offset: 4, received: 2, stored: 2, gap: 2 }]);
  }),
);

// G1. Fails when the position stands before what follows the last record, of its transaction or of aborted ones.
test.concurrent.each([
  ["the end of a transaction", 0],
  ["aborted transactions", 2],
])(
  "what Kafka deletes behind the last record is no gap where it is %s",
  followed(async ({ orders, publish, start, running, untilStored, hasLogged, positions }, _, aborted) => {
    await start();
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("a") }], "commit");
    await untilStored("a");
    for (let i = 0; i < aborted; i++) {
      await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("aborted") }], "abort");
    }
    const end = 2 + 2 * aborted;
    const isAtEnd = async () => (await positions())[0]?.["next_offset"] === end;
    await waitUntil("the position is the log's end", isAtEnd);
    await running().stop();
    await deleteRecordsBefore(orders.brokers, orders.name, end);
    await start();
    await publish("b");
    await untilStored("a", "b");
    expect(hasLogged("positions.moved")).toBe(false);
    expect(await positions()).toMatchObject([{ next_offset: end + 1, received: 2, stored: 2, gap: 0 }]);
  }),
);

// G1. Fails when a partition that has no position in an epoch begins where its log begins: what is gone is told nowhere.
test.concurrent(
  "what Kafka deletes of a partition that was added while no ingestor ran is a gap",
  followed(async ({ orders, publish, start, running, untilStored, hasLogged, positions }) => {
    await start();
    await publish("a");
    await untilStored("a");
    await running().stop();
    await addPartitions(orders.brokers, orders.name, 2);
    const added = ["b", "c", "d", "e"].map((id) => ({ partition: 1, value: orderWithId(id) }));
    await produce(orders.brokers, orders.name, added);
    await deleteRecordsBefore(orders.brokers, orders.name, 3, 1);
    await start();
    await untilStored("a", "e");
    expect(hasLogged("positions.gap")).toBe(true);
    expect(await positions()).toMatchObject([
      { next_offset: 1, received: 1, gap: 0 },
      { next_offset: 4, received: 1, gap: 3 },
    ]);
  }),
);

// G1. Fails when METADATA_MAX_AGE_MS in consume.ts is the five minutes of kafkajs.
test.concurrent(
  "a partition that is added while the ingestor runs is read from its first record within seconds",
  followed(async ({ orders, publish, start, untilStored, positions }) => {
    await start();
    await publish("a");
    await untilStored("a");
    await addPartitions(orders.brokers, orders.name, 2);
    await produce(orders.brokers, orders.name, [{ partition: 1, value: orderWithId("b") }]);
    await untilStored("a", "b");
    expect(await positions()).toMatchObject([
      { next_offset: 1, received: 1, gap: 0 },
      { next_offset: 1, received: 1, gap: 0 },
    ]);
  }),
);

test.concurrent(
  "what Kafka had deleted before the first ingestor came is no gap, in any partition",
  followed(async ({ orders, start, untilStored, positions }) => {
    await addPartitions(orders.brokers, orders.name, 2);
    for (const partition of [0, 1]) {
      const records = ["a", "b", "c"].map((id) => ({ partition, value: orderWithId(`${id}${partition}`) }));
      await produce(orders.brokers, orders.name, records);
      await deleteRecordsBefore(orders.brokers, orders.name, 2, partition);
    }
    await start();
    await untilStored("c0", "c1");
    expect(await positions()).toMatchObject([
      { next_offset: 3, received: 1, gap: 0 },
      { next_offset: 3, received: 1, gap: 0 },
    ]);
  }),
);

test.concurrent(
  "records of aborted transactions are never seen, and control records hold up nothing",
  followed(async ({ orders, publish, start, untilStored, positions }) => {
    await start();
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("aborted") }], "abort");
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("a") }], "commit");
    await untilStored("a");
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("aborted-2") }], "abort");
    await publish("b");
    await untilStored("a", "b");
    expect(await positions()).toMatchObject([{ received: 2, stored: 2 }]);
  }),
);

// G4. Fails when starts in vain make nobody careful (countStarts in careful-mode.ts).
test.concurrent(
  "kill -9 again and again before anything is committed makes the ingestor careful, and convicts no record",
  followed(async ({ topic, owner, orders, publish, start, running, untilStored, hasLogged, positions }) => {
    const blocker = new pg.Client({ connectionString: topic.database.ownerUrl });
    await blocker.connect();
    await blocker.query("BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE");
    await publish("a", "b", "c");
    await produce(orders.brokers, orders.name, [{ value: Buffer.from("rubbish") }]);
    for (let starts = 1; starts <= 4; starts++) {
      await start(`${orders.name}-${starts}`);
      await waitUntil(`start ${starts}`, async () => {
        const { rows } = await owner.query("SELECT unfinished_starts FROM positions");
        return rows[0]?.unfinished_starts >= starts;
      });
      if (starts < 4) await running().stop("SIGKILL");
    }
    await blocker.end();
    await untilStored("a", "b", "c");
    await waitUntil("all counted", async () => (await positions())[0]?.["received"] === 4);
    expect(hasLogged("partition.careful")).toBe(true);
    const { rows } = await owner.query("SELECT reason FROM outbox");
    expect(rows).toEqual([{ reason: "deserialize" }]);
  }),
);

test.concurrent(
  "after a restart the lag comes to 0 also where the log ends in a transaction's marker",
  followed(async ({ owner, orders, start, running, untilStored }) => {
    await start();
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("a") }], "commit");
    await untilStored("a");
    await running().stop();
    // As one leaves it that is killed at once after its transaction, before it told Kafka anything.
    await owner.query("UPDATE positions SET next_offset = 1");
    // One that could not say goodbye in time is still a member for a while.
    await waitUntil("the group is deleted", async () => {
      await deleteGroup(orders.brokers, orders.name);
      return true;
    });
    await start();
    await waitUntil("a lag of 0", async () => (await lagOf(orders.brokers, orders.name, orders.name)) === 0);
    // Fails when a position that is stepped over what holds no records leaves its start a vain one (stepOver in step-over.ts).
    await waitUntil("the start was not in vain", async () => {
      const { rows } = await owner.query("SELECT next_offset::int, unfinished_starts FROM positions");
      return rows[0]?.next_offset === 2 && rows[0]?.unfinished_starts === 0;
    });
  }),
);

test.concurrent(
  "after a restart aborted records that fill whole fetches hold up nothing",
  followed(async ({ orders, publish, start, running, untilStored }) => {
    await start();
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("a") }], "commit");
    await untilStored("a");
    await running().stop("SIGKILL");
    const large = { value: Buffer.alloc(900_000, "x") };
    for (let i = 0; i < 5; i++) await produceInTransaction(orders.brokers, orders.name, [large], "abort");
    await publish("b", "c");
    await start(`${orders.name}-2`);
    await untilStored("a", "b", "c");
  }),
);

test.concurrent(
  "deleted offsets are a gap also where only aborted records follow them",
  followed(async ({ orders, publish, storedIds, start, running, untilStored, positions }) => {
    await start();
    await publish("a");
    await untilStored("a");
    running().process.kill("SIGSTOP");
    // This one answers the fetch that it has under way, if it has any; then it is deleted unread like the others.
    await publish("b");
    await readTopic(orders.brokers, orders.name, 2);
    await publish("c", "d");
    await produceInTransaction(orders.brokers, orders.name, [{ value: orderWithId("aborted") }], "abort");
    await deleteRecordsBefore(orders.brokers, orders.name, 4);
    running().process.kill("SIGCONT");
    const counted = async () => {
      const [position] = await positions();
      return position && { gap: Number(position["gap"]), received: Number(position["received"]) };
    };
    await waitUntil("the gap is recorded", async () => ((await counted())?.gap ?? 0) > 0);
    expect([
      { gap: 2, received: 2 },
      { gap: 3, received: 1 },
    ]).toContainEqual(await counted());
    await publish("e");
    await waitUntil("e stored", async () => (await storedIds()).includes("e"));
  }),
);

// Fails when the topic's id is not looked at: where it has grown past the old position at once nothing else tells.
test.concurrent.each([
  ["is still shorter than the old one", 2],
  ["has grown past the old one at once", 9],
])(
  "a topic that is made anew while the ingestor runs begins a new epoch, also where it %s",
  followed(async ({ orders, publish, start, untilStored, hasLogged, positions }, _, count) => {
    const old = ["old-0", "old-1", "old-2", "old-3"];
    const anew = Array.from({ length: count }, (_, index) => `new-${index}`);
    await start();
    await publish(...old);
    await untilStored(...old);
    await recreateTopic(orders.brokers, orders.name);
    await publish(...anew);
    await untilStored(...anew, ...old);
    expect(hasLogged("positions.topic-made-anew")).toBe(true);
    const readAgain = async () => (await positions())[1]?.["received"] === count;
    await waitUntil("the new epoch has every record of the new topic", readAgain);
  }),
);
