import { pino } from "pino";
import { type HalfOpenProxy, startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { numberedOrders, type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { createPrisma } from "../prisma/client";
import { connectOrderSource } from "../prisma/read-orders";
import { createAskForOrders } from "./ask-for-orders";
import { createFindOrder } from "./find-order";
import { listen } from "./listen";
import { createOrderCache } from "./order-cache";
import { startRefresh } from "./refresh";

const log = pino({ level: "silent" });

let database: TestDatabase;
let writer: OrderWriter;
let proxy: HalfOpenProxy;

beforeEach(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
  proxy = await startHalfOpenProxy(database.readerUrl);
});
afterEach(async () => {
  await proxy.close();
  await writer.close();
  await database.drop();
});

describe("a socket that is half open", () => {
  test("is found out by the listener's heartbeat, and notices are heard again", async () => {
    let hints = 0;
    const onHint = () => {
      hints += 1;
    };
    const listener = listen({ databaseUrl: proxy.url, log, heartbeatMs: 50, onHint });
    await waitUntil("it listens", () => listener.isListening());
    proxy.fallSilent();
    await waitUntil("it has noticed", () => !listener.isListening(), { everyMs: 1 });
    await waitUntil("it listens again", () => listener.isListening());
    const before = hints;
    await writer.write(numberedOrders("n", 0, 1));
    await waitUntil("the notice is heard", () => hints > before);
    await listener.stop();
  });

  test("does not keep the loop from the orders behind it", async () => {
    const cache = createOrderCache(1_000_000);
    const connect = () => connectOrderSource(proxy.url);
    const refresh = startRefresh({ connect, cache, pollMs: 20, log });
    await waitUntil("it is live", () => refresh.state().kind === "live");
    proxy.fallSilent();
    await writer.write(numberedOrders("n", 0, 1));
    await waitUntil("the order is readable", () => cache.find("n0"));
    await refresh.stop();
  });

  test("does not keep the loop from stopping at once", async () => {
    const connect = () => connectOrderSource(proxy.url);
    const refresh = startRefresh({ connect, cache: createOrderCache(1_000_000), pollMs: 20, log });
    const listener = listen({ databaseUrl: proxy.url, log, heartbeatMs: 50, onHint: refresh.wake });
    await waitUntil("it is live", () => refresh.state().kind === "live");
    proxy.fallSilent({ alsoNew: true });
    const startedAt = performance.now();
    await Promise.all([refresh.stop(), listener.stop()]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});

describe("look-ups in a Postgres that has fallen silent", () => {
  test("are unavailable after two seconds, and found again when it answers", async () => {
    await writer.write(numberedOrders("n", 0, 100));
    const prisma = createPrisma(proxy.url, { connections: 2, name: "test-lookup", answerWithinMs: 1_900 });
    const find = createFindOrder({ cache: createOrderCache(1_000_000), ask: createAskForOrders(prisma), atOnce: 1 });
    // Prisma builds its engine with the first question, and a look-up has a deadline.
    await prisma.order.count();
    expect(await find("n0")).toMatchObject({ kind: "found" });

    proxy.fallSilent({ alsoNew: true });
    const startedAt = performance.now();
    const found = await Promise.all(Array.from({ length: 20 }, (_, index) => find(`n${index + 1}`)));
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(["unavailable"]));
    // The first, the others together, and each of them alone: one after the other they would take 40 seconds.
    expect(performance.now() - startedAt).toBeLessThan(10_000);

    proxy.recover();
    await waitUntil("it is found", async () => (await find("n50")).kind === "found");
    await prisma.$disconnect();
  });
});
