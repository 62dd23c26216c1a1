import { startEndingAtOnce } from "../e2e/support/ends-at-once";
import { createTestDatabase } from "../e2e/support/test-database";
import { createPrisma } from "./client";
import { openConnection } from "./open-connection";

// G3. Each fails when nobody listens on a connection from its first moment (the listener in steady-client.ts): the error
// is uncaught, which ends a process.

test("a connection that the server ends in the moment in which it is ready fails its transaction, and nothing else", async () => {
  const database = await createTestDatabase();
  const server = await startEndingAtOnce(database.readerUrl);
  const prisma = createPrisma(server.url, { connections: 3, name: "test" });
  const count = (): Promise<number> => prisma.$transaction((tx) => tx.order.count());
  try {
    const outcomes = await Promise.allSettled([count(), count(), count()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(server.ended()).toBe(3);
    server.setEnding(() => false);
    expect(await count()).toBe(0);
  } finally {
    await prisma.$disconnect();
    await server.close();
    await database.drop();
  }
});

test("so does one that stands outside of any pool", async () => {
  const database = await createTestDatabase();
  const server = await startEndingAtOnce(database.readerUrl);
  try {
    const { ask, close } = await openConnection(server.url, { name: "test", answerWithinMs: 5_000 });
    await expect(ask("SELECT")).rejects.toThrow();
    await close();
  } finally {
    await server.close();
    await database.drop();
  }
});
