import { batchOf, judged, orderWithId } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createPrisma, type Prisma } from "../prisma/client";
import { CONFLICTS_SQL } from "./find-conflicts";
import { openPositions } from "./open-positions";
import { storeBatch } from "./store-batch";

let database: TestDatabase;
let prisma: Prisma;

beforeEach(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
  await openPositions(prisma, { name: "orders", id: undefined, bounds: [{ partition: 0, low: 0n, high: 9_999n }] });
});

afterEach(async () => {
  await prisma.$disconnect();
  await database.drop();
});

const original = orderWithId("a").toString();
const withFields = (fields: string): string => original.replace("{", () => `{${fields},`);

// G4. Fails when the stored document is parsed for each record anew: PostgreSQL ends the statement after 15 s (57014).
test("a thousand conflicts with one large order are found in one statement", async () => {
  const large = withFields(Array.from({ length: 95_000 }, (_, n) => `"${n.toString(36)}": 0`).join());
  await storeBatch(prisma, batchOf([judged(0, Buffer.from(large))]));
  const small = Array.from({ length: 1_000 }, (_, n) => judged(n + 1, Buffer.from(withFields(`"n": ${n}`))));
  expect(await storeBatch(prisma, batchOf(small))).toMatchObject({ stored: 0, duplicate: 0, dead: 1_000 });
  expect(await prisma.outboxRow.groupBy({ by: ["reason"], _count: true })).toEqual([
    { reason: "conflict", _count: 1_000 },
  ]);
});

test("documents have the same meaning exactly where PostgreSQL's function same_meaning says so", async () => {
  const documents = [
    original,
    `\t${original} \n`,
    JSON.stringify(JSON.parse(original)),
    ...['"x": 1', '"x": 1.0', '"x": 1e0', '"x": 2', '"x": null', '"x": ""', '"x": "1"', '"x": [1, 2]', '"x": [2, 1]'],
    ...['"x": 1, "y": 2', '"y": 2, "x": 1', '"x": 1e-20000', '"x":1e-20000', '"x": 1e-20001', '"x": 1e200000'],
    ...['"x": "\\u00e9"', '"x": "é"', '"X": 1', '"": 1'],
  ].map((text) => (text.startsWith('"') ? withFields(text) : text));
  documents.push(...documents.map((document) => ` \r\n${document}\t`));
  for (const [offset, document] of documents.entries()) {
    await prisma.$executeRaw`
      INSERT INTO orders (id, document, sha256, epoch, partition, "offset")
      VALUES (${String(offset)}, ${document}, sha256(convert_to(${document}, 'UTF8')), 1, 0, ${offset})`;
  }
  const ids = documents.flatMap((_, stored) => documents.map(() => String(stored)));
  const all = documents.flatMap(() => documents);
  const conflicts = await prisma.$queryRawUnsafe<{ n: bigint }[]>(CONFLICTS_SQL, ids, all);
  const expected = await prisma.$queryRaw<{ n: bigint }[]>`
    SELECT n FROM unnest(${ids}::text[], ${all}::text[]) WITH ORDINALITY AS batch (id, document, n)
    JOIN orders stored ON stored.id = batch.id COLLATE "C"
    WHERE NOT same_meaning(stored.document, batch.document) ORDER BY n`;
  expect(conflicts.map(({ n }) => n)).toEqual(expected.map(({ n }) => n));
  expect(expected.length).toBeGreaterThan(all.length / 2);
  expect(expected.length).toBeLessThan(all.length - 2 * documents.length);
});
