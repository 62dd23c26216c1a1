import { type EachBatchPayload, KafkaJSConnectionError, type KafkaMessage } from "kafkajs";
import pg from "pg";
import { pino } from "pino";
import { orderWithId } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { untilBlocked } from "../e2e/support/until-blocked";
import { createPrisma, type Prisma } from "../prisma/client";
import { createTurns } from "../runtime/turns";
import type { Assignment, OpenPartition } from "./assignment";
import { type HandleBatchDeps, handleBatch, passOver } from "./handle-batch";
import { createMetrics } from "./metrics";
import { openPositions } from "./open-positions";
import { createPartitionQueues } from "./partition-queues";

// A partition's batches as kafkajs would bring them, against a real PostgreSQL; what a partition is assigned to is a map.

let database: TestDatabase;
let prisma: Prisma;
let owner: pg.Client;
let open: OpenPartition | undefined;
let repositioned: number[];
let committed: bigint[];
let deps: HandleBatchDeps;

beforeEach(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.ingestorUrl, { connections: 4, name: "test" });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const bounds = [{ partition: 0, low: 0n, high: 1_000n }];
  await openPositions(prisma, { name: "orders", id: undefined, bounds });
  open = {
    ...{ topicId: undefined, epoch: 1, partition: 0, nextOffset: 0n, seenOffset: 0n, fetchOffset: 0n },
    ...{ lastRecord: undefined, isSuspicious: false, handed: undefined },
  };
  repositioned = [];
  committed = [];
  const assignment: Pick<Assignment, "get" | "reposition" | "repositionAll" | "isCut" | "stop"> = {
    get: () => open,
    reposition: (partition) => {
      open = undefined;
      repositioned.push(partition);
    },
    repositionAll: () => {},
    isCut: async () => false,
    stop: () => {
      open = undefined;
    },
  };
  deps = {
    ...{ prisma, topic: "orders", limits: { records: 2, bytes: 1_048_576 } },
    assignment: { ...assignment, assign: () => {}, all: () => [], isPositioned: () => true },
    ...{ queues: createPartitionQueues(), takeTurn: createTurns(3) },
    committer: {
      offer: (_, offset) => void committed.push(offset),
      flush: async () => {},
      forget: () => {},
      stop: () => {},
    },
    judgeApart: async () => {
      throw new Error("nothing is judged apart here");
    },
    ...{ onDeadLetters: () => {}, onOutage: () => {}, onFatal: () => {} },
    ...{ metrics: createMetrics(), log: pino({ level: "silent" }) },
  };
});

afterEach(async () => {
  await owner.end();
  await prisma.$disconnect();
  await database.drop();
});

const messageOf = (offset: number): KafkaMessage => ({
  ...{ key: null, value: orderWithId(`order-${offset}`), headers: {}, attributes: 0 },
  ...{ offset: String(offset), timestamp: "1700000000000" },
});

/** Hands over the records from one offset to another, as a fetch brings them. `resolved` is where the next fetch begins. */
function hand(
  from: number,
  to: number,
  heartbeat: () => Promise<void> = async () => {},
  messages = Array.from({ length: to - from }, (_, n) => messageOf(from + n)),
) {
  const resolved: string[] = [];
  const batch = {
    ...{ topic: "orders", partition: 0, highWatermark: "1000", fetchedOffset: String(from), messages },
    lastOffset: () => String(to - 1),
  };
  const payload = {
    ...{ batch, heartbeat, isStale: () => false, isRunning: () => true },
    resolveOffset: (offset: string) => void resolved.push(offset),
  } as unknown as EachBatchPayload;
  return { resolved, handled: handleBatch(payload, deps) };
}

/** Has somebody else be about to store an order: whoever wants to store it waits. */
async function holdUp(id: string): Promise<void> {
  await owner.query("BEGIN");
  await owner.query(
    `INSERT INTO orders (id, document, sha256, epoch, partition, "offset") VALUES ($1, '{}', '', 9, 9, 9)`,
    [id],
  );
}

const stored = (): Promise<number> => prisma.order.count();

test("Kafka is asked for more once half of a batch is stored; its offset is offered only for what is", async () => {
  await holdUp("order-2");
  const { resolved, handled } = hand(0, 4);
  await handled;
  expect([resolved, await stored(), committed]).toEqual([["3"], 2, [2n]]);
  await owner.query("ROLLBACK");
  await deps.queues.settled();
  expect([await stored(), committed.at(-1)]).toEqual([4, 4n]);
});

test("a batch of one transaction is handled when it is stored", async () => {
  await holdUp("order-0");
  const { resolved, handled } = hand(0, 2);
  await untilBlocked(owner);
  expect(resolved).toEqual([]);
  await owner.query("ROLLBACK");
  await handled;
  expect([resolved, await stored()]).toEqual([["1"], 2]);
});

// G1. The partition is another object then, what was fetched for the old one is dropped; and its position is elsewhere.
test("what is queued behind a batch that could not be stored is dropped, and the partition is positioned again", async () => {
  await holdUp("order-2");
  await hand(0, 4).handled;
  const behind = hand(4, 8);
  const storing = await untilBlocked(owner);
  // Another ingestor moves the position, as soon as the transaction that holds it is broken off.
  const move = async (): Promise<unknown> =>
    prisma.$executeRaw`UPDATE positions SET next_offset = 3, received = 3, stored = 3`;
  const moved = move();
  await untilBlocked(owner, storing);
  await prisma.$executeRaw`SELECT pg_terminate_backend(${storing}::int)`;
  await moved;
  await owner.query("ROLLBACK");
  await behind.handled;
  await deps.queues.settled();
  expect([repositioned, behind.resolved, await stored()]).toEqual([[0], [], 2]);
});

// G1. Fails without the look whether a batch is what comes next where the one before it ends (isNext in handle-batch.ts).
test("what is queued behind offsets that could not be passed over is not stored either", async () => {
  const partition = open as OpenPartition;
  deps = {
    ...deps,
    assignment: {
      ...deps.assignment,
      isCut: async () => {
        throw new KafkaJSConnectionError("Kafka does not answer");
      },
    },
  };
  passOver(partition, { first: 5n, last: 9n, highWatermark: 12n }, deps);
  const behind = hand(10, 12);
  await behind.handled;
  expect([repositioned, behind.resolved, await stored()]).toEqual([[0], [], 0]);
});

test("a rebalance is told to kafkajs at once, also while a transaction waits", async () => {
  await holdUp("order-0");
  const rebalance = new Error("The group is rebalancing");
  const { resolved, handled } = hand(0, 2, async () => {
    throw rebalance;
  });
  await expect(handled).rejects.toBe(rebalance);
  expect(resolved).toEqual([]);
  await owner.query("ROLLBACK");
  await deps.queues.settled();
});

// G8. Fails when every fetch is queued: in an outage of both parts each would hold its records in memory.
test("records that kafkajs brings again after a failed heartbeat are queued once", async () => {
  await holdUp("order-2");
  let isLost = true;
  const heartbeat = async (): Promise<void> => {
    if (isLost) throw new KafkaJSConnectionError("the coordinator is away");
  };
  await owner.query("LOCK TABLE orders IN EXCLUSIVE MODE");
  const first = hand(0, 4, heartbeat);
  await expect(first.handled).rejects.toThrow("the coordinator is away");
  const again = hand(0, 6, heartbeat);
  await expect(again.handled).rejects.toThrow("the coordinator is away");
  isLost = false;
  const longer = hand(0, 6, heartbeat);
  await owner.query("ROLLBACK");
  await longer.handled;
  await deps.queues.settled();
  expect([first.resolved, again.resolved, longer.resolved, await stored()]).toEqual([[], [], [], 4]);
  // What it had brought beside them was not handed over, so kafkajs is not told that it is done with.
  const last = hand(0, 6);
  await last.handled;
  await deps.queues.settled();
  expect([last.resolved, await stored()]).toEqual([["5"], 6]);
});

// G1. Fails when the offsets that are passed over are not held against where the next fetch has to begin: records of the
// log that has become shorter would be taken for those that came before.
test("offsets to pass over that lie before the next fetch mean that the log is another one", async () => {
  const partition = open as OpenPartition;
  await hand(0, 4).handled;
  await deps.queues.settled();
  passOver(partition, { first: 0n, last: 1n, highWatermark: 4n }, deps);
  expect([repositioned, partition.fetchOffset]).toEqual([[0], 4n]);
});

// G1. Fails when a defect is waited out like an outage: what is queued behind could be stored without what came before.
test("a defect ends the process, and nothing behind it is stored", async () => {
  const told: unknown[] = [];
  const defect = new TypeError("undefined is not a function");
  deps = {
    ...deps,
    onFatal: (error) => void told.push(error),
    onDeadLetters: () => {
      throw defect;
    },
  };
  const messages = [{ ...messageOf(0), value: Buffer.from("rubbish") }];
  const first = hand(0, 1, undefined, messages);
  const behind = hand(1, 3);
  await Promise.all([first.handled, behind.handled]);
  expect([told, behind.resolved, await stored()]).toEqual([[defect], [], 0]);
});
