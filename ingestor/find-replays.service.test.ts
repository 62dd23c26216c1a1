import { batchOf, judged } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createPrisma, type Prisma } from "../prisma/client";
import { asKafkajsHeaders, headersOf } from "../runtime/kafka/headers";
import { readDeadLetterHeaders, writeReplayHeaders } from "./dead-letter";
import { toMessage } from "./deliver";
import { contentDigestOf } from "./judged-record";
import { openPositions } from "./open-positions";
import { storeBatch } from "./store-batch";

let database: TestDatabase;
let owner: Prisma;
let prisma: Prisma;
const key = Buffer.from("key");
const rubbish = Buffer.from("rubbish");
const firstFailedAt = new Date("2026-01-02T03:04:05.678Z");

beforeAll(async () => {
  database = await createTestDatabase();
  owner = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
  prisma = createPrisma(database.ingestorUrl, { connections: 1, name: "test" });
  await openPositions(prisma, { name: "orders", id: undefined, bounds: [{ partition: 0, low: 0n, high: 1_000n }] });
  const run = await owner.replayRun.create({ data: { operator: "test" } });
  const digest = new Uint8Array(contentDigestOf({ key, value: rubbish }));
  const place = { epoch: 1, partition: 0, searchFrom: 0n };
  await owner.replay.create({
    data: { dlqId: "orders:1:0:7", replay: 2, state: "sending", runId: run.id, firstFailedAt, digest, ...place },
  });
});

afterAll(async () => {
  await Promise.all([prisma.$disconnect(), owner.$disconnect()]);
  await database.drop();
});

/** A record that says that it is a dead letter brought back. */
function claiming(offset: number, id: string, replay: number, content = { key, value: rubbish }) {
  const headers = asKafkajsHeaders(writeReplayHeaders([], { id, replay }));
  return judged(offset, content.value, { key: content.key, headers });
}

/** Fails when what a record says of itself is believed, or when the ledger is not asked (G1: an id names one record). */
it("a dead record keeps the name of its first failure only where the ledger knows it by name, number and bytes", async () => {
  await storeBatch(
    prisma,
    batchOf([
      claiming(0, "orders:1:0:7", 2),
      claiming(1, "orders:1:0:7", 1),
      claiming(2, "orders:1:0:8", 2),
      claiming(3, "orders:1:0:7", 2, { key, value: Buffer.from("other") }),
      claiming(4, "orders:1:0:7", 2, { key: Buffer.from("other"), value: rubbish }),
      judged(5, rubbish, { key }),
    ]),
  );
  const rows = await prisma.outboxRow.findMany({ orderBy: { offset: "asc" } });
  const letters = rows.map((row) => readDeadLetterHeaders(headersOf(toMessage(row) as never)));
  expect(letters.map((letter) => letter && [letter.id, letter.replays])).toEqual([
    ["orders:1:0:7", 2],
    ...[1, 2, 3, 4, 5].map((offset) => [`orders:1:0:${offset}`, 0]),
  ]);
  const [kept, own] = letters;
  expect(kept).toMatchObject({ firstFailedAt, topic: "orders", partition: 0, offset: 0n });
  expect(kept?.failedAt).not.toEqual(firstFailedAt);
  expect(own?.firstFailedAt).toEqual(own?.failedAt);
});
