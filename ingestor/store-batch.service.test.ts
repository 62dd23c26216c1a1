import { batchOf, exampleOrder, judged, orderWithId } from "../e2e/support/judged-records";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createPrisma, type Prisma } from "../prisma/client";
import { countParkedBytes } from "../prisma/parked-bytes";
import { asKafkajsHeaders, decodeHeaders } from "../runtime/kafka/headers";
import { classifyFailure } from "./failure";
import { openPositions } from "./open-positions";
import { type Batch, storeBatch } from "./store-batch";

let database: TestDatabase;
let prisma: Prisma;

beforeEach(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.ingestorUrl, { connections: 4, name: "test" });
  const bounds = [0, 1, 2].map((partition) => ({ partition, low: 0n, high: 1_000n }));
  await openPositions(prisma, { name: "orders", id: undefined, bounds });
});

afterEach(async () => {
  await prisma.$disconnect();
  await database.drop();
});

const rubbish = Buffer.from("rubbish");

async function counters(partition = 0) {
  const { nextOffset, received, stored, duplicate, dead } = await prisma.position.findUniqueOrThrow({
    where: { epochId_partition: { epochId: 1, partition } },
  });
  return [nextOffset, received, stored, duplicate, dead].map(Number);
}

describe("one transaction", () => {
  it("stores the orders, the dead letters, the counters and the position", async () => {
    const result = await storeBatch(
      prisma,
      batchOf([judged(0, orderWithId("a")), judged(1, rubbish), judged(5, orderWithId("b"))]),
    );
    expect(result).toMatchObject({ kind: "stored", stored: 2, duplicate: 0, dead: 1 });
    expect(await counters()).toEqual([6, 3, 2, 0, 1]);
    expect(await prisma.order.findMany({ select: { id: true, offset: true }, orderBy: { id: "asc" } })).toEqual([
      { id: "a", offset: 0n },
      { id: "b", offset: 5n },
    ]);
    expect(await prisma.outboxRow.count()).toBe(1);
  });

  it("stores nothing at all when one of its statements fails", async () => {
    const batch = batchOf([judged(0, orderWithId("a")), judged(1, rubbish)]);
    const nul = Buffer.from("a\u0000");
    const unstorable = {
      ...judged(2, orderWithId("c")),
      verdict: { kind: "accepted", id: "c", document: nul, sha256: nul },
    } as const;
    const failing: Batch = { ...batch, to: 3n, records: [...batch.records, unstorable] };
    const error = await storeBatch(prisma, failing).catch((reason: unknown) => reason);
    expect(classifyFailure(error)).toEqual({ action: "isolate", code: "22021" });
    expect(await counters()).toEqual([0, 0, 0, 0, 0]);
    expect([await prisma.order.count(), await prisma.outboxRow.count()]).toEqual([0, 0]);
  });

  it("leaves no bytes behind in memory, whether it succeeds, fails or never begins", async () => {
    await storeBatch(prisma, batchOf([judged(0, orderWithId("a")), judged(1, rubbish)]));
    await storeBatch(prisma, batchOf([judged(0, orderWithId("a"))]));
    const outOfReach = createPrisma("postgres://nobody@127.0.0.1:1/nothing", { connections: 1, name: "test" });
    const failure = storeBatch(outOfReach, batchOf([judged(0, orderWithId("a"))]));
    await expect(failure).rejects.toMatchObject({ code: "P1001" });
    await outOfReach.$disconnect();
    expect(countParkedBytes()).toBe(0);
  });

  // G2. Fails when the position is not compared (lockPosition's answer in storeIn).
  it("writes nothing for a batch that does not begin at the position, so that no redelivery counts twice", async () => {
    const batch = batchOf([judged(0, orderWithId("a")), judged(1, rubbish)]);
    await storeBatch(prisma, batch);
    expect(await storeBatch(prisma, batch)).toEqual({ kind: "moved", nextOffset: 2n });
    expect(await storeBatch(prisma, batchOf([judged(3, orderWithId("b"))]))).toEqual({ kind: "moved", nextOffset: 2n });
    expect(await storeBatch(prisma, batchOf([judged(0, rubbish)], { epoch: 1, partition: 9 }))).toEqual({
      kind: "moved",
      nextOffset: undefined,
    });
    expect(await counters()).toEqual([2, 2, 1, 0, 1]);
  });

  it("is won by one of two ingestors that store the same records at once", async () => {
    const batch = batchOf(Array.from({ length: 100 }, (_, offset) => judged(offset, orderWithId(`order-${offset}`))));
    const results = await Promise.all([
      storeBatch(prisma, batch),
      storeBatch(prisma, batch),
      storeBatch(prisma, batch),
    ]);
    expect(results.map(({ kind }) => kind).sort()).toEqual(["moved", "moved", "stored"]);
    expect(await counters()).toEqual([100, 100, 100, 0, 0]);
  });

  it("keeps the published bytes: white space, line ends and all", async () => {
    const odd = Buffer.from(
      ` \t\r\n${exampleOrder.toString().replaceAll("\n", "\r\n").replace("Test Testov", "Тест 🚚 \\u00e9")}\n \n`,
    );
    await storeBatch(prisma, batchOf([judged(0, odd)]));
    const { document, sha256 } = await prisma.order.findUniqueOrThrow({ where: { id: "b563feb7b2b84b6test" } });
    expect(Buffer.from(document).equals(odd)).toBe(true);
    expect(judged(0, odd).verdict).toMatchObject({ sha256: Buffer.from(sha256) });
  });

  it("keeps a rejected record's key, value, headers and timestamp byte for byte", async () => {
    const headers = [
      { key: Buffer.from("a"), value: Buffer.from([0, 255]) },
      { key: Buffer.from("a"), value: null },
      { key: Buffer.from([0xff]), value: Buffer.alloc(0) },
    ];
    const value = Buffer.from([0, 1, 2, 255]);
    await storeBatch(
      prisma,
      batchOf([
        judged(0, value, { key: Buffer.from([255, 0]), timestamp: "-1", headers: asKafkajsHeaders(headers) }),
        judged(1, null, { key: null }),
        judged(2, Buffer.alloc(0), { key: Buffer.alloc(0) }),
      ]),
    );
    const [first, second, third] = await prisma.outboxRow.findMany({ orderBy: { offset: "asc" } });
    expect(first).toMatchObject({ reason: "deserialize", timestamp: -1n, recordCount: 1, topic: "orders" });
    expect(Buffer.from(first?.key ?? []).equals(Buffer.from([255, 0]))).toBe(true);
    expect(Buffer.from(first?.value ?? []).equals(value)).toBe(true);
    expect(decodeHeaders(Buffer.from(first?.headers ?? []))).toEqual(headers);
    expect([second?.key, second?.value]).toEqual([null, null]);
    expect([third?.key?.length, third?.value?.length]).toEqual([0, 0]);
  });
});

describe("an id that comes again", () => {
  const original = orderWithId("a");
  const sameMeaning = Buffer.from(`  ${JSON.stringify(JSON.parse(original.toString()))}`);
  const otherMeaning = Buffer.from(original.toString().replace('"Test Testov"', '"Somebody Else"'));

  it("is a duplicate with the same bytes or the same meaning, in one batch and in a later one", async () => {
    expect(
      await storeBatch(prisma, batchOf([judged(0, original), judged(1, original), judged(2, sameMeaning)])),
    ).toMatchObject({ stored: 1, duplicate: 2, dead: 0 });
    expect(await storeBatch(prisma, batchOf([judged(3, original), judged(4, sameMeaning)]))).toMatchObject({
      stored: 0,
      duplicate: 2,
      dead: 0,
    });
    expect(await counters()).toEqual([5, 5, 1, 4, 0]);
  });

  // G1. Fails when the conflicts are not among the dead (storeIn).
  it("is a conflict with another meaning: dead-lettered, with the stored order untouched", async () => {
    await storeBatch(prisma, batchOf([judged(0, original), judged(1, otherMeaning), judged(2, original)]));
    await storeBatch(prisma, batchOf([judged(0, otherMeaning)], { epoch: 1, partition: 1 }));
    expect(await counters(0)).toEqual([3, 3, 1, 1, 1]);
    expect(await counters(1)).toEqual([1, 1, 0, 0, 1]);
    expect((await prisma.order.findUniqueOrThrow({ where: { id: "a" } })).document).toBe(original.toString());
    const rows = await prisma.outboxRow.findMany({ orderBy: { id: "asc" } });
    expect(rows).toMatchObject([
      { partition: 0, offset: 1n, reason: "conflict", errors: expect.stringContaining(" orders:1:0:0") },
      { partition: 1, offset: 0n, reason: "conflict", errors: expect.stringContaining(" orders:1:0:0") },
    ]);
    expect(Buffer.from(rows[0]?.value ?? []).equals(otherMeaning)).toBe(true);
  });

  it("is a duplicate or a conflict, never unstorable, when it has a number that jsonb cannot hold", async () => {
    const tiny = Buffer.from(original.toString().replace('"locale"', '"x": 1e-20000, "locale"'));
    const sameTiny = Buffer.concat([tiny, Buffer.from("\n")]);
    await storeBatch(prisma, batchOf([judged(0, tiny)]));
    expect(await storeBatch(prisma, batchOf([judged(1, sameTiny), judged(2, original)]))).toMatchObject({
      duplicate: 1,
      dead: 1,
    });
    expect(await prisma.outboxRow.findMany({ select: { reason: true } })).toEqual([{ reason: "conflict" }]);
  });

  it("is stored once when three partitions bring it at the same moment, in any order, without a deadlock", async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `shared-${index}`);
    const results = await Promise.all(
      [0, 1, 2].map((partition) => {
        const shuffled = partition === 1 ? ids.toReversed() : ids;
        const records = shuffled.map((id, offset) => judged(offset, orderWithId(id)));
        return storeBatch(prisma, batchOf(records, { epoch: 1, partition }));
      }),
    );
    const sum = (field: "stored" | "duplicate" | "dead") =>
      results.reduce((total, result) => total + (result.kind === "stored" ? result[field] : 0), 0);
    expect([sum("stored"), sum("duplicate"), sum("dead")]).toEqual([200, 400, 0]);
  });
});

describe("the views", () => {
  it("show an order's fields with proper types", async () => {
    await storeBatch(prisma, batchOf([judged(0, exampleOrder)]));
    const owner = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
    try {
      expect(await owner.$queryRaw`SELECT city, email FROM deliveries`).toEqual([
        { city: "Kiryat Mozkin", email: "test@gmail.com" },
      ]);
      expect(await owner.$queryRaw`SELECT amount, currency, payment_dt FROM payments`).toEqual([
        { amount: 1817n, currency: "USD", payment_dt: new Date("2021-11-26T06:22:07.000Z") },
      ]);
      expect(await owner.$queryRaw`SELECT position, name, total_price FROM items`).toEqual([
        { position: 1, name: "Mascaras", total_price: 317n },
      ]);
      expect(await owner.$queryRaw`SELECT date_created, sm_id FROM order_details`).toEqual([
        { date_created: new Date("2021-11-26T06:22:19.000Z"), sm_id: 99n },
      ]);
    } finally {
      await owner.$disconnect();
    }
  });

  it("can cast whatever the judge accepts", async () => {
    const numbers = [
      "0",
      "-0",
      "1817.0",
      "1e2",
      "1E+2",
      "9007199254740991",
      "0e-400",
      "1e15",
      "1.5e1",
      `1${"0".repeat(3)}.${"0".repeat(300)}`,
    ];
    const dates = [
      "0001-01-01T00:00:00+23:59",
      "9999-12-31T23:59:59.999999999999-23:59",
      "2016-12-31t23:59:60.9z",
      "2024-02-29T12:00:00.5+15:59",
      "2016-12-31T15:59:60-08:00",
    ];
    const further = [
      '"x": 1e-20000',
      `"x": 0.${"0".repeat(20_000)}1`,
      '"x": -1.5e-7',
      '"payment ": {"amount": "x"}',
      '"items ": null',
      '"\\ud83d\\ude9a": "\\ud83d\\ude9a"',
    ];
    const money = [...numbers, "253402300799"].flatMap((number) =>
      ["amount", "custom_fee", "price", "sale", "nm_id", "sm_id", "payment_dt"].map((field): [RegExp, string] => [
        new RegExp(`(?<="${field}": )\\d+`),
        field === "payment_dt" && Number(number) > 253_402_300_799 ? "0" : number,
      ]),
    );
    const changes: (readonly [RegExp, string])[] = [
      ...money,
      ...dates.map((date): [RegExp, string] => [/2021-11-26T06:22:19Z/, date]),
      ...further.map((field): [RegExp, string] => [/"locale"/, `${field}, "locale"`]),
    ];
    const records = changes.map(([part, replacement], offset) =>
      judged(
        offset,
        Buffer.from(
          orderWithId(`cast-${offset}`)
            .toString()
            .replace(part, () => replacement),
        ),
      ),
    );
    const accepted = records.filter(({ verdict }) => verdict.kind === "accepted").length;
    expect(accepted).toBe(records.length);
    expect(await storeBatch(prisma, batchOf(records))).toMatchObject({ stored: accepted });

    const owner = createPrisma(database.ownerUrl, { connections: 1, name: "test" });
    try {
      for (const view of ["order_details", "deliveries", "payments", "items"]) {
        const [row] = await owner.$queryRawUnsafe<{ cast: bigint }[]>(
          `SELECT count(everything) AS cast FROM (SELECT v::text AS everything FROM ${view} v) AS rows`,
        );
        expect({ view, cast: Number(row?.cast) }).toEqual({ view, cast: accepted });
      }
    } finally {
      await owner.$disconnect();
    }
  });
});
