import { createHash } from "node:crypto";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { numberedOrders, type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { createPrisma, type Prisma } from "../prisma/client";
import { createAskForOrders } from "./ask-for-orders";

let database: TestDatabase;
let writer: OrderWriter;
let prisma: Prisma;

beforeAll(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
  prisma = createPrisma(database.readerUrl, { connections: 1, name: "test" });
});
afterAll(async () => {
  await Promise.all([writer.close(), prisma.$disconnect()]);
  await database.drop();
});

const documentOf = (bytes: number): string => "ж".repeat(bytes / 2) + "x".repeat(bytes % 2);
const digestOf = (document: string): Uint8Array => new Uint8Array(createHash("sha256").update(document).digest());

test("what is asked for together comes byte for byte with its digest, what is large says so and comes alone", async () => {
  const small = { ...numberedOrders("n", 0, 60), 'a "quoted", {braced} \\ id': "\r\n{}\n", most: documentOf(16_383) };
  const large = { large: documentOf(16_384), larger: documentOf(1_048_576) };
  await writer.write({ ...small, ...large });
  const ask = createAskForOrders(prisma);
  const orders = await ask.together([...Object.keys(small), ...Object.keys(large), "unknown", "N0", "n0 "]);
  const expected = Object.entries(small).map(([id, document]) => [id, { document, sha256: digestOf(document) }]);
  expect(Object.fromEntries(orders)).toEqual({ ...Object.fromEntries(expected), large: "large", larger: "large" });
  for (const [id, document] of Object.entries(large)) {
    expect(await ask.alone(id)).toEqual({ document, sha256: digestOf(document) });
  }
  expect(await ask.alone("unknown")).toBeUndefined();
});
