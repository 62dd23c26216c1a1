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
