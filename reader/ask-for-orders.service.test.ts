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

test("orders of all sizes are brought byte for byte, and an id that there is none of brings nothing", async () => {
  const large = Object.fromEntries(
    [262_143, 262_144, 262_145, 1_048_576].map((bytes) => [
      `${bytes} bytes`,
      "ж".repeat(bytes / 2) + "x".repeat(bytes % 2),
    ]),
  );
  const written = {
    ...numberedOrders("n", 0, 60),
    ...large,
    'a "quoted", {braced} \\ id': "\r\n{}\n",
  };
  await writer.write(written);
  const ids = Object.keys(written);
  const orders = await createAskForOrders(prisma)([...ids, "unknown", "N0"]);
  expect(Object.fromEntries([...orders].map(([id, { document }]) => [id, document]))).toEqual(
    Object.fromEntries(ids.map((id) => [id, written[id as keyof typeof written]])),
  );
});
