import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import pg from "pg";
import { startEndingAtOnce } from "../e2e/support/ends-at-once";
import { startHalfOpenProxy } from "../e2e/support/half-open-proxy";
import { testAddress } from "../e2e/support/test-address";
import { createTestDatabase } from "../e2e/support/test-database";
import { timeOf } from "../e2e/support/time-of";
import { untilBlocked } from "../e2e/support/until-blocked";
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

// Fails when each call makes a job (BETWEEN_JOBS_MS): one costs the store as much as fifty letters. And when what is
// gathered is forgotten as the queue is closed: it would wait for another ingestor's sweep.
test.each(["Redis", "PostgreSQL"])(
  "what comes soon after a job is gathered for the next, in %s, and none of it is lost",
  async (store) => {
    const database = await createTestDatabase();
    const jobs: (readonly bigint[])[] = [];
    const options = {
      ...{ redisUrl: store === "Redis" ? testAddress("TEST_REDIS_URL") : undefined, databaseUrl: database.ingestorUrl },
      ...{ name: `gather-${process.pid}`, log },
      deliver: async (ids: readonly bigint[]) => void jobs.push(ids),
    };
    const queue = await openDeliveryQueue(options);
    const answers = (): Promise<boolean> =>
      queue.countPending().then(
        () => true,
        () => false,
      );
    await waitUntil("the store answers", answers);
    await queue.add([1n]);
    await queue.add([2n]);
    void queue.add([5n, 6n]);
    await new Promise(setImmediate);
    await queue.add([3n, 4n]);
    await waitUntil("all are delivered", () => jobs.flat().length === 6);
    expect(jobs.at(-1)).toEqual([3n, 4n, 5n, 6n]);
    void queue.add([7n]);
    await queue.close();
    const next = await openDeliveryQueue(options);
    await waitUntil("the last is delivered", () => jobs.flat().includes(7n));
    await next.close();
    await database.drop();
  },
);

// G5. Fails when a call waits for what was gathered after its rows: in a storm the sweep would wait for a quiet moment.
test("a call is answered when its own rows have their job, also while more are gathered", async () => {
  const database = await createTestDatabase();
  const queue = await openDeliveryQueue({
    ...{ redisUrl: undefined, databaseUrl: database.ingestorUrl, name: "own", log },
    deliver: async () => {},
  });
  const answered: string[] = [];
  const first = queue.add([1n]).then(() => answered.push("first"));
  await new Promise(setImmediate);
  const second = queue.add([2n]).then(() => answered.push("second"));
  await Promise.race([first, second]);
  expect(answered).toEqual(["first"]);
  await second;
  await queue.close();
  await database.drop();
});

// G8. Fails when what waits to become a job has no end (MOST_GATHERED): in a storm a store that hangs would cost the
// ingestor its memory.
test("what is gathered while the store takes no job is bounded, because the sweep finds the rest", async () => {
  const database = await createTestDatabase();
  const jobs: (readonly bigint[])[] = [];
  const queue = await openDeliveryQueue({
    ...{ redisUrl: undefined, databaseUrl: database.ingestorUrl, name: "bounded", log },
    deliver: async (ids) => void jobs.push(ids),
  });
  const holder = new pg.Client({ connectionString: database.ownerUrl });
  await holder.connect();
  const { rows: tables } = await holder.query<{ names: string }>(
    "SELECT string_agg(format('bullmq.%I', tablename), ', ') AS names FROM pg_tables WHERE schemaname = 'bullmq'",
  );
  await holder.query(`BEGIN; LOCK TABLE ${tables[0]?.names} IN ACCESS EXCLUSIVE MODE`);
  let added = queue.add([0n]);
  await untilBlocked(holder);
  for (let n = 0; n < 30; n++) added = queue.add(Array.from({ length: 1_000 }, (_, at) => BigInt(1_000 * n + at + 1)));
  await holder.query("COMMIT");
  await added;
  await waitUntil("no job is left", async () => (await queue.countPending()) === 0);
  expect(jobs.flat()).toHaveLength(10_001);
  await holder.end();
  await queue.close();
  await database.drop();
});

/** A way to a server which can be closed and opened: while it is closed, connections are refused. */
function makeGate(serverUrl: string) {
  const server = new URL(serverUrl);
  const way = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const gate = createServer((client) => {
    const upstream = connect(Number(server.port), server.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
    client.pipe(upstream).pipe(client);
  });
  let port = 0;
  return {
    open: async (): Promise<string> => {
      await once(gate.listen(port, "127.0.0.1"), "listening");
      port = (gate.address() as AddressInfo).port;
      way.port = String(port);
      return way.href;
    },
    close: async (): Promise<void> => {
      const closed = once(gate.close(), "close");
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

// G3. Fails without runRetryDelay: BullMQ's worker waits 15 s after it was refused. The bound is one for busy machines.
test("a PostgreSQL that keeps the jobs and refuses connections for a while is used again soon after", async () => {
  const database = await createTestDatabase();
  const gate = makeGate(database.ingestorUrl);
  const delivered: bigint[] = [];
  const queue = await openDeliveryQueue({
    ...{ redisUrl: undefined, databaseUrl: await gate.open(), name: "test", log },
    deliver: async (ids) => void delivered.push(...ids),
  });
  try {
    await queue.add([1n]);
    await waitUntil("the first is delivered", () => delivered.includes(1n));
    await gate.close();
    await waitUntil("it is refused", async () => {
      const refusal = await queue.countPending().catch((error: unknown) => error);
      return (refusal as { code?: string }).code === "ECONNREFUSED";
    });
    await waitUntil("the way is open again", gate.open);
    const goesOn = async (): Promise<unknown> => {
      await queue.add([2n]);
      return waitUntil("the second is delivered", () => delivered.includes(2n));
    };
    expect(await timeOf(goesOn)).toBeLessThan(10_000);
  } finally {
    await gate.close().catch(() => {});
    await queue.close();
    await database.drop();
  }
});

// G3. Fails when BullMQ makes its connections by itself (SteadyClient in onPostgres): an error is uncaught, which ends a
// process.
test("a PostgreSQL that keeps the jobs and ends connections in the moment in which they are ready fails no more than their queries", async () => {
  const database = await createTestDatabase();
  const server = await startEndingAtOnce(database.ingestorUrl);
  server.setEnding(() => false);
  const delivered: bigint[] = [];
  const queue = await openDeliveryQueue({
    ...{ redisUrl: undefined, databaseUrl: server.url, name: "test", log },
    deliver: async (ids) => void delivered.push(...ids),
  });
  try {
    await queue.add([1n]);
    await waitUntil("the first is delivered", () => delivered.includes(1n));
    // Those that are open end, and of the new ones all but two, on which the worker asks before it waits on another.
    server.setEnding((connection) => connection > 2);
    server.refuse();
    server.recover();
    await waitUntil("a new one was ended as well", () => server.ended() > 0);
    server.setEnding(() => false);
    await waitUntil("the second is delivered", async () => {
      await queue.add([2n]);
      return delivered.includes(2n);
    });
  } finally {
    await queue.close();
    await server.close();
    await database.drop();
  }
});

// Fails when a store that is silent is waited for: the process would miss its deadline for stopping (4.5 s), and the steps
// behind this one with it. Redis' own time-out is 10 s, PostgreSQL's goodbye has none.
test.each(["Redis", "PostgreSQL"])("the queue is closed though its %s has fallen silent", async (store) => {
  const database = await createTestDatabase();
  const proxy = await startHalfOpenProxy(store === "Redis" ? testAddress("TEST_REDIS_URL") : database.ingestorUrl);
  const delivered: bigint[] = [];
  const queue = await openDeliveryQueue({
    ...{ redisUrl: store === "Redis" ? proxy.url : undefined, databaseUrl: database.ingestorUrl },
    ...(store === "PostgreSQL" && { databaseUrl: proxy.url }),
    ...{ name: `close-${process.pid}`, log },
    deliver: async (ids) => void delivered.push(...ids),
  });
  await waitUntil("a job is made and done", async () => {
    await queue.add([1n]);
    return delivered.length > 0;
  });
  proxy.fallSilent();
  const startedAt = performance.now();
  await queue.close();
  const seconds = (performance.now() - startedAt) / 1_000;
  await proxy.close();
  await database.drop();
  expect(seconds).toBeLessThan(8);
});
