import { setTimeout as delay } from "node:timers/promises";
import { batchOf, judged, orderWithId } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createPrisma, type Prisma } from "../prisma/client";
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
async function refuseOrders(condition: string): Promise<void> {
  await owner.$executeRawUnsafe(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'ZX123'; END $$`);
  await owner.$executeRawUnsafe(`
    CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);
}

const failures: string[] = [];

function store(onFailure: (count: number) => Promise<unknown> = async () => {}): Promise<PatientStoreResult> {
  failures.length = 0;
  return storePatiently(batch, {
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

// G3. Fails when such an error isolates at once, or whatever the probe says: all forty would be dead letters.
test("a database that objects to every order is waited for, and no order is dead-lettered", async () => {
  await refuseOrders("true");
  const untilMended = async (count: number): Promise<void> => {
    if (count === 20) await owner.$executeRawUnsafe("DROP TRIGGER refuse ON orders");
  };
  expect(await store(untilMended)).toMatchObject({ kind: "stored", stored: 40, dead: 0 });
  expect(failures).toHaveLength(20);
});

test("a probe leaves nothing behind", async () => {
  expect(await probeStoring(prisma, batch)).toBe(true);
  expect(await prisma.order.count()).toBe(0);
  expect(await prisma.position.findMany()).toMatchObject([{ nextOffset: 0n, received: 0n }]);
});

test("a probe writes as much as the batch", async () => {
  const written = async (): Promise<bigint> => {
    const [row] = await owner.$queryRaw<{ at: bigint }[]>`SELECT pg_current_wal_insert_lsn() - '0/0' AS at`;
    return BigInt(row?.at.toString() ?? 0);
  };
  const start = await written();
  await probeStoring(prisma, batch);
  const probed = (await written()) - start;
  await storeBatch(prisma, batch);
  const stored = (await written()) - start - probed;
  expect(Number(probed) / Number(stored)).toBeGreaterThan(0.8);
});
