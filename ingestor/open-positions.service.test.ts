import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { untilBlocked } from "../e2e/support/until-blocked";
import { createPrisma, type Prisma } from "../prisma/client";
import { openPositions } from "./open-positions";

let database: TestDatabase;
let prisma: Prisma;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.ingestorUrl, { connections: 2, name: "test" });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await prisma.$disconnect();
  await database.drop();
});

// G2. Whoever opens waits for the batch, with its insert already; passGap looks once more for one that begins after that.
test("offsets that Kafka has deleted are no gap when a batch that is being committed has passed them", async () => {
  const topic = { name: "orders", id: undefined };
  await openPositions(prisma, { ...topic, bounds: [{ partition: 0, low: 0n, high: 1_000n }] });
  await owner.query("BEGIN; UPDATE positions SET next_offset = 1000, received = 1000, stored = 1000");
  const opened = openPositions(prisma, { ...topic, bounds: [{ partition: 0, low: 500n, high: 1_000n }] });
  await untilBlocked(owner);
  await owner.query("COMMIT");
  expect(await opened).toMatchObject({ kind: "opened", positions: [{ nextOffset: 1_000n, missing: 0n }] });
  expect(await prisma.position.findMany()).toMatchObject([{ nextOffset: 1_000n, gap: 0n, received: 1_000n }]);
});
