import { startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { createTestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { createLog } from "../runtime/log";
import { openDeliveryQueue } from "./delivery-queue";

const log = createLog("test", { LOG_LEVEL: "silent", LOG_FORMAT: "json" });

// G5. Fails when an answer of PostgreSQL that never comes is waited for (POSTGRES_PATIENCE): the sweep would never look again.
test("sockets to the PostgreSQL that keeps the jobs that fall silent are given up, and jobs go on", async () => {
  const database = await createTestDatabase();
  const proxy = await startHalfOpenProxy(database.ingestorUrl);
  const delivered: bigint[] = [];
  const queue = await openDeliveryQueue({
    ...{ redisUrl: undefined, databaseUrl: proxy.url, name: "test", log },
    deliver: async (ids) => void delivered.push(...ids),
  });
  try {
    await queue.add([1n]);
    await waitUntil("the first is delivered", () => delivered.includes(1n));
    await queue.countPending();

    proxy.fallSilent();
    await expect(queue.countPending()).rejects.toThrow();
    await waitUntil(
      "the store answers again",
      () =>
        queue.countPending().then(
          () => true,
          () => false,
        ),
      {
        limitMs: 60_000,
      },
    );
    await queue.add([2n]);
    await waitUntil("the second is delivered", () => delivered.includes(2n), { limitMs: 60_000 });
  } finally {
    // First the proxy: what is still silent is cut off with it.
    await proxy.close();
    await queue.close();
    await database.drop();
  }
});
