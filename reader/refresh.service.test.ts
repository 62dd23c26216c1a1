import pg from "pg";
import { type Logger, pino } from "pino";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { numberedOrders, type OrderWriter, openOrderWriter, terminateConnections } from "../e2e/support/write-orders";
import { layOut } from "../prisma/laid-order";
import { connectOrderSource } from "../prisma/read-orders";
import { type Listener, listen } from "./listen";
import { createOrderCache, type OrderCache } from "./order-cache";
import { type Refresh, type RefreshOptions, startRefresh } from "./refresh";

let database: TestDatabase;
let writer: OrderWriter;
let cache: OrderCache;
let refresh: Refresh;
let listener: Listener | undefined;
let events: { event: string; [key: string]: unknown }[];

function collectingLog(): Logger {
  events = [];
  return pino({ base: null }, { write: (line: string) => void events.push(JSON.parse(line)) });
}

/** A poll in days, on whose beat no test falls, is none: what becomes readable then has come by a notice. */
const NO_POLL = 1_000_000_000;

function start(options: Partial<RefreshOptions> & { withListener?: boolean } = {}): void {
  const { withListener = true, ...others } = options;
  const log = collectingLog();
  cache = options.cache ?? createOrderCache(100_000_000);
  const connect = () => connectOrderSource(database.readerUrl);
  refresh = startRefresh({ connect, cache, pollMs: NO_POLL, log, ...others });
  if (withListener) {
    listener = listen({ databaseUrl: database.readerUrl, log, onHint: refresh.wake });
  }
}

const readable = (ids: Iterable<string>) => [...ids].filter((id) => cache.find(id)).length;
const untilReadable = (orders: Record<string, string>) =>
  waitUntil("the orders are readable", () => readable(Object.keys(orders)) === Object.keys(orders).length, {
    everyMs: 2,
  });
const untilLive = () => waitUntil("the reader is live", () => refresh.state().kind === "live", { everyMs: 2 });

beforeEach(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
});
afterEach(async () => {
  await listener?.stop();
  listener = undefined;
  await refresh.stop();
  await writer.close();
  await database.drop();
});

describe("at start", () => {
  test("all stored orders come into memory, byte for byte, in pages and from all partitions and epochs", async () => {
    const orders = { ...numberedOrders("a", 0, 25), ...numberedOrders("b", 0, 9), ...numberedOrders("c", 0, 10) };
    await writer.write(numberedOrders("a", 0, 25));
    await writer.write(numberedOrders("b", 0, 9), { partition: 1 });
    await writer.beginEpoch();
    await writer.write(numberedOrders("c", 0, 10));
    const sizesWhenLoaded: number[] = [];
    start({ pageRows: 5, pollMs: 5, onLoaded: () => sizesWhenLoaded.push(cache.size) });
    expect(refresh.state()).toEqual({ kind: "loading" });
    await untilLive();
    await writer.write(numberedOrders("d", 0, 1));
    await untilReadable(numberedOrders("d", 0, 1));
    // Told once, however many rounds follow.
    expect(sizesWhenLoaded).toEqual([44]);
    for (const [id, document] of Object.entries(orders)) expect(cache.find(id)?.body.toString()).toBe(document);
    expect(cache.size).toBe(45);
    expect(events.find(({ event }) => event === "reader.loaded")).toMatchObject({ orders: 44 });
  });

  test("a cache that cannot hold all gets the newest, those of the newest epoch first", async () => {
    await writer.write(numberedOrders("old", 0, 30));
    await writer.beginEpoch();
    await writer.write(numberedOrders("new", 0, 40));
    const one = createOrderCache(1_000_000);
    one.add(layOut({ id: "new00", document: Buffer.from('{"order_uid": "new00"}\n'), sha256: Buffer.alloc(32) }));
    start({ pageRows: 7, cache: createOrderCache(20 * one.bytes) });
    await untilLive();
    expect(cache.size).toBe(20);
    expect(readable(Object.keys(numberedOrders("new", 20, 40)))).toBe(20);
  });

  test("an order that is stored while the old ones are read is not missed", async () => {
    await writer.write(numberedOrders("before", 0, 1_000));
    start({ pageRows: 1 });
    await waitUntil("some are read", () => cache.size > 0, { everyMs: 1 });
    expect(refresh.state().kind).toBe("loading");
    await writer.write(numberedOrders("during", 0, 3));
    await untilReadable({ ...numberedOrders("before", 0, 1_000), ...numberedOrders("during", 0, 3) });
  });

  test("a lost connection is taken up again where it broke", async () => {
    await writer.write(numberedOrders("a", 0, 200));
    start({ pageRows: 1, withListener: false });
    refresh.wake();
    await waitUntil("some are read", () => cache.size > 20, { everyMs: 1 });
    expect(await terminateConnections(database.readerUrl, "orders-reader-refresh")).toBe(1);
    await untilLive();
    expect([cache.size, refresh.loadedOrders()]).toEqual([200, 200]);
  });

  test("an empty database is no reason to wait", async () => {
    start();
    await untilLive();
    expect(cache.size).toBe(0);
  });
});

describe("live", () => {
  test("a notice makes an order readable at once, without any poll", async () => {
    const freshness: number[] = [];
    start({ onFreshness: (seconds) => freshness.push(seconds) });
    await untilLive();
    await writer.write(numberedOrders("n", 0, 3));
    await untilReadable(numberedOrders("n", 0, 3));
    await waitUntil("its freshness is told", () => freshness.length > 0);
    expect(freshness[0]).toBeGreaterThan(0);
    expect(freshness[0]).toBeLessThan(2);
  });

  test("a lost notice is made good by the poll", async () => {
    start({ pollMs: 50 });
    await untilLive();
    await writer.write(numberedOrders("n", 0, 3), { notice: false });
    await untilReadable(numberedOrders("n", 0, 3));
  });

  test("orders come through without LISTEN altogether", async () => {
    start({ pollMs: 50, withListener: false });
    await untilLive();
    await writer.write(numberedOrders("n", 0, 3));
    await untilReadable(numberedOrders("n", 0, 3));
  });

  test("rows that are more than a page are all read", async () => {
    start({ pageRows: 4 });
    await untilLive();
    await writer.write(numberedOrders("n", 0, 41));
    await untilReadable(numberedOrders("n", 0, 41));
  });

  test("a LISTEN connection that was killed subscribes again and catches up with what it missed", async () => {
    start();
    await untilLive();
    await waitUntil("it listens", () => listener?.isListening());
    await writer.write(numberedOrders("missed", 0, 3), { notice: false });
    expect(await terminateConnections(database.readerUrl, "orders-reader-listen")).toBe(1);
    await untilReadable(numberedOrders("missed", 0, 3));
    await writer.write(numberedOrders("heard", 0, 3));
    await untilReadable(numberedOrders("heard", 0, 3));
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["reader.listen-lost", "reader.listen-recovered"]),
    );
  });

  test("a lost reading connection is stale, keeps what it has, and recovers", async () => {
    await writer.write(numberedOrders("kept", 0, 3));
    start({ pollMs: 50 });
    await untilLive();
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query('REVOKE SELECT ON "positions" FROM orders_reader');
    const stale = await waitUntil("it is stale", () => refresh.state().kind === "stale" && refresh.state(), {
      everyMs: 2,
    });
    expect(stale).toMatchObject({ since: expect.any(Date), because: expect.stringContaining("permission denied") });
    expect(readable(Object.keys(numberedOrders("kept", 0, 3)))).toBe(3);
    await writer.write(numberedOrders("n", 0, 3));
    await owner.query('GRANT SELECT ON "positions" TO orders_reader');
    await owner.end();
    await untilReadable(numberedOrders("n", 0, 3));
    await untilLive();
    expect(events.map(({ event }) => event)).toEqual([
      "reader.loaded",
      "reader.refresh-failed",
      "reader.refresh-recovered",
    ]);
  });
});

describe("a database that was put back to an older state", () => {
  async function putBack(sql: string): Promise<void> {
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    await owner.query(sql);
    await owner.end();
  }

  test("is noticed loudly; what is in memory is kept, and what is stored anew is read", async () => {
    await writer.write(numberedOrders("a", 0, 10));
    start({ pollMs: 50 });
    await untilLive();
    await putBack(`BEGIN; DELETE FROM "orders" WHERE "offset" >= 4;
                   UPDATE "positions" SET "next_offset" = 4, "received" = 4, "stored" = 4; COMMIT`);
    const told = await waitUntil("it is told", () => events.find(({ event }) => event === "reader.rewound"));
    expect(Object.values(told["from"] as object)).toEqual(["10"]);
    expect(Object.values(told["to"] as object)).toEqual(["4"]);
    expect(readable(Object.keys(numberedOrders("a", 0, 10)))).toBe(10);
    await writer.write(numberedOrders("b", 0, 3));
    await untilReadable(numberedOrders("b", 0, 3));
  });

  test("may have lost a partition altogether, which then begins anew", async () => {
    await writer.write(numberedOrders("a", 0, 10));
    await writer.write(numberedOrders("b", 0, 10), { partition: 1 });
    start({ pollMs: 50 });
    await untilLive();
    await putBack(
      `BEGIN; DELETE FROM "orders" WHERE "partition" = 1; DELETE FROM "positions" WHERE "partition" = 1; COMMIT`,
    );
    await waitUntil("it is told", () => events.find(({ event }) => event === "reader.rewound"));
    await writer.write(numberedOrders("c", 0, 3), { partition: 1 });
    await untilReadable(numberedOrders("c", 0, 3));
  });
});
