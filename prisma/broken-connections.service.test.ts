import { startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { createTestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { createPrisma } from "./client";

test("a connection that fell silent in a transaction is not handed out again", async () => {
  const database = await createTestDatabase();
  const proxy = await startHalfOpenProxy(database.readerUrl);
  const prisma = createPrisma(proxy.url, { connections: 1, name: "test", answerWithinMs: 1_000 });
  try {
    const silent = prisma.$transaction(async (tx) => {
      await tx.order.count();
      proxy.fallSilent();
      await tx.order.count();
    });
    await expect(silent).rejects.toThrow();
    const answer = (): Promise<string> => prisma.$transaction((tx) => tx.order.count()).then(String);
    expect(await waitUntil("another connection answers", answer)).toBe("0");
  } finally {
    await prisma.$disconnect();
    await proxy.close();
    await database.drop();
  }
});

// G3. Fails when each silent connection of the pool is found out by itself: twenty seconds for one after the other.
test("one that fell silent is given up together with those that lie idle", async () => {
  const database = await createTestDatabase();
  const proxy = await startHalfOpenProxy(database.readerUrl);
  const prisma = createPrisma(proxy.url, { connections: 3, name: "test", answerWithinMs: 1_000 });
  const sleeping = (): Promise<unknown> => prisma.$queryRaw`SELECT pg_sleep(0.2)::text`;
  try {
    // Each on a connection of its own, and then all of them idle.
    await Promise.all([sleeping(), sleeping(), sleeping()]);
    proxy.fallSilent();
    await expect(prisma.order.count()).rejects.toThrow();
    expect(await prisma.order.count()).toBe(0);
  } finally {
    await prisma.$disconnect();
    await proxy.close();
    await database.drop();
  }
});
