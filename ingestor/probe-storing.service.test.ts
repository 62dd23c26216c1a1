import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { batchOf, judged, orderWithId } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createPrisma, type Prisma } from "../prisma/client";
import { ORDERS_CHANNEL } from "../prisma/order-channel";
import { openPositions } from "./open-positions";
import { probeStoring } from "./probe-storing";
import { storeBatch } from "./store-batch";
import { type PatientStoreResult, storePatiently } from "./store-patiently";

let database: TestDatabase;
let prisma: Prisma;
let owner: Prisma;

beforeEach(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.ingestorUrl, { connections: 2, name: "test" });
  owner = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
  await openPositions(prisma, { name: "orders", id: undefined, bounds: [{ partition: 0, low: 0n, high: 1_000n }] });
});

afterEach(async () => {
  await Promise.all([prisma.$disconnect(), owner.$disconnect()]);
  await database.drop();
});

const batch = batchOf(Array.from({ length: 40 }, (_, offset) => judged(offset, orderWithId(`order-${offset}`))));

/** Somebody's trigger, with a SQLSTATE of its own making, for orders for which this holds. */
async function refuseOrders(condition: string, kind = "TRIGGER refuse BEFORE INSERT ON orders"): Promise<void> {
  await owner.$executeRawUnsafe(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'ZX123'; END $$`);
  await owner.$executeRawUnsafe(`
    CREATE ${kind} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);
}

const failures: string[] = [];

function store(
  onFailure: (count: number) => Promise<unknown> = async () => {},
  toStore = batch,
): Promise<PatientStoreResult> {
  failures.length = 0;
  return storePatiently(toStore, {
    store: (each) => storeBatch(prisma, each),
    probe: (each) => probeStoring(prisma, each),
    wait: async () => {
      await delay(1);
      await onFailure(failures.length);
    },
    isCurrent: () => true,
    onOutage: (failure) => failure && failures.push(failure.code),
    onUnstorable: () => {},
  });
}

// G4. Fails when an error that is in no table only waits: the record then holds up its partition for ever.
test("a record to which the database objects in a way of its own is found and dead-lettered, its neighbours are stored", async () => {
  await refuseOrders("NEW.document LIKE '%order-7\"%'");
  expect(await store()).toMatchObject({ kind: "stored", stored: 39, dead: 1 });
  expect(new Set(failures)).toEqual(new Set(["ZX123"]));
  expect(await prisma.outboxRow.findMany({ select: { offset: true, reason: true, errors: true } })).toEqual([
    { offset: 7n, reason: "unstorable", errors: "/ cannot be stored: PostgreSQL says ZX123" },
  ]);
});

// G4. Fails when a statement time-out only waits, and G3 when it isolates.
test("a batch that PostgreSQL takes too long to store is stored in halves, with nothing of it dead-lettered", async () => {
  await owner.$executeRawUnsafe(`
    CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (SELECT count(*) > 8 FROM stored) THEN RAISE EXCEPTION 'too slow' USING ERRCODE = '57014'; END IF; RETURN NULL; END $$`);
  await owner.$executeRawUnsafe(`
    CREATE TRIGGER be_slow AFTER INSERT ON orders REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION be_slow()`);
  const untilInVain = async (count: number): Promise<void> => {
    if (count > 50) throw new Error("it waits in vain");
  };
  expect(await store(untilInVain)).toMatchObject({ kind: "stored", stored: 40, dead: 0 });
  expect(new Set(failures)).toEqual(new Set(["57014"]));
  expect(await prisma.position.findMany()).toMatchObject([{ nextOffset: 40n, received: 40n, stored: 40n, dead: 0n }]);
});

// G3. Fails when such an error isolates at once, or whatever the probe says: all forty would be dead letters.
test("a database that objects to every order is waited for, and no order is dead-lettered", async () => {
  await refuseOrders("true");
  const untilMended = async (count: number): Promise<void> => {
    if (count === 30) await owner.$executeRawUnsafe("DROP TRIGGER refuse ON orders");
  };
  expect(await store(untilMended)).toMatchObject({ kind: "stored", stored: 40, dead: 0 });
  expect(failures).toHaveLength(30);
});

// G3. Fails when the probe is taken back before what the schema checks at the end: all forty would be dead letters.
test("a database that objects to every order only at the end of a transaction is waited for as well", async () => {
  await refuseOrders("true", "CONSTRAINT TRIGGER refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED");
  const untilMended = async (count: number): Promise<void> => {
    if (count === 30) await owner.$executeRawUnsafe("DROP TRIGGER refuse ON orders");
  };
  expect(await store(untilMended)).toMatchObject({ kind: "stored", stored: 40, dead: 0 });
  expect(failures).toHaveLength(30);
});

// G4. Fails when "program limit exceeded" only waits, or when the probe's rows are as large as what the index refuses.
test("a record that is too large for somebody's index is found and dead-lettered, its neighbours are stored", async () => {
  await owner.$executeRawUnsafe("CREATE INDEX documents ON orders (document)");
  const text = JSON.stringify({
    ...JSON.parse(String(orderWithId("large"))),
    note: randomBytes(4_096).toString("hex"),
  });
  const records = batch.records.map((each, offset) => (offset === 7 ? judged(offset, Buffer.from(text)) : each));
  expect(await store(undefined, batchOf(records))).toMatchObject({ kind: "stored", stored: 39, dead: 1 });
  expect(await prisma.outboxRow.findMany({ select: { offset: true, errors: true } })).toEqual([
    { offset: 7n, errors: "/ cannot be stored: PostgreSQL says 54000" },
  ]);
});

// G3. Fails when a probe says nothing to the readers: a full queue of notices, which is 54000 too, would convict all.
test("a probe sends a notice, as a batch does", async () => {
  const listener = new pg.Client({ connectionString: database.ingestorUrl });
  await listener.connect();
  try {
    await listener.query(`LISTEN ${ORDERS_CHANNEL}`);
    const heard = once(listener, "notification");
    expect(await probeStoring(prisma, batch)).toBe(true);
    expect(await heard).toMatchObject([{ channel: ORDERS_CHANNEL, payload: "1:0:0" }]);
  } finally {
    await listener.end();
  }
});

test("a probe leaves nothing behind", async () => {
  expect(await probeStoring(prisma, batch)).toBe(true);
  expect(await prisma.order.count()).toBe(0);
  expect(await prisma.position.findMany()).toMatchObject([{ nextOffset: 0n, received: 0n }]);
});

test("a probe writes as much as the batch", async () => {
  const at = async (): Promise<number> => {
    const [row] = await owner.$queryRaw<{ at: number }[]>`SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS at`;
    return row?.at ?? 0;
  };
  /** The least of several rounds: whatever else the server does meanwhile is only added. */
  const written = async (write: (round: number) => Promise<unknown>): Promise<number> => {
    const rounds: number[] = [];
    for (let round = 0; round < 10; round++) {
      const before = await at();
      await write(round);
      rounds.push((await at()) - before);
    }
    return Math.min(...rounds);
  };
  const stored = await written((round) => {
    const offsets = Array.from({ length: 40 }, (_, n) => 40 * round + n);
    return storeBatch(prisma, batchOf(offsets.map((offset) => judged(offset, orderWithId(`order-${offset}`)))));
  });
  const next = Array.from({ length: 40 }, (_, n) => judged(400 + n, orderWithId(`order-${400 + n}`)));
  const probed = await written(() => probeStoring(prisma, batchOf(next)));
  expect(probed / stored).toBeGreaterThan(0.8);
});
