import { setTimeout as sleep } from "node:timers/promises";
import { createPrisma } from "../prisma/client";
import { connectOrderSource } from "../prisma/read-orders";
import { createLog } from "../runtime/log";
import { runMain } from "../runtime/run-main";
import { handleShutdown } from "../runtime/shutdown";
import { createApp } from "./app";
import { createAskForOrders } from "./ask-for-orders";
import { createFastLane } from "./fast-lane";
import { createFindOrder } from "./find-order";
import { listen } from "./listen";
import { createReaderMetrics } from "./metrics";
import { createOrderCache } from "./order-cache";
import { createRecentOrders } from "./recent-orders";
import { startRefresh } from "./refresh";
import { serve } from "./serve";
import { createRecentStream } from "./stream-recent";

/** Enough for misses: what comes while these are at work is asked for together, which takes a third of the time for each. */
const LOOKUP_CONNECTIONS = 3;
/** Just below the deadline of a look-up: a frozen Postgres gets its connections thrown away, not waited for. */
const LOOKUP_ANSWER_WITHIN_MS = 1_900;
const GOODBYE_MS = 1_000;

const program = {
  command: "npm run reader",
  description: `Answers HTTP with the orders that PostgreSQL has: the page at /, an order at /orders/ID.
One more beside a running \`npm start\`:
  set -a; . .local/env; set +a; DATABASE_URL=$READER_DATABASE_URL READER_PORT=0 npm run reader`,
  settings: [
    "DATABASE_URL",
    "READER_HOST",
    "READER_PORT",
    "READER_CACHE_MIB",
    "READER_POLL_MS",
    "READER_RECENT",
    "LOG_LEVEL",
    "LOG_FORMAT",
  ],
  exitCodes: "0 stopped when told to, 1 it could not go on or did not stop in time, 2 used wrongly.",
} as const;

runMain(program, async (settings) => {
  const databaseUrl = settings.DATABASE_URL;
  const log = createLog("reader", settings);
  const shutdown = handleShutdown(log);
  const metrics = createReaderMetrics();
  const cache = createOrderCache(settings.READER_CACHE_MIB);

  const prisma = createPrisma(databaseUrl, {
    connections: LOOKUP_CONNECTIONS,
    name: "orders-reader-lookup",
    answerWithinMs: LOOKUP_ANSWER_WITHIN_MS,
  });
  const ask = createAskForOrders(prisma);
  // A frozen server would not answer the goodbye.
  shutdown.add("lookups", () => Promise.race([prisma.$disconnect(), sleep(GOODBYE_MS)]));

  // Postgres → cache, by the loop; the listener's first subscription is what begins it. Who watches orders arrive is
  // told by the same hints.
  const refresh = startRefresh({
    connect: () => connectOrderSource(databaseUrl),
    cache,
    pollMs: settings.READER_POLL_MS,
    log,
    // Prisma builds its engine with the first question, half a second of processor time that the orders come without.
    // Asked as soon as they are here; a request that cannot be answered from memory before that does it instead.
    onLoaded: () => void ask.alone("").catch(() => {}),
    onFreshness: metrics.observeFreshness,
  });
  shutdown.add("refresh", refresh.stop);
  const recent = createRecentOrders(prisma, log);
  const onHint = (): void => {
    refresh.wake();
    recent.wake();
  };
  const listener = listen({ databaseUrl, log, onHint });
  shutdown.add("listener", listener.stop);
  metrics.watch(cache, refresh, listener.isListening);

  // Cache, else Postgres → HTTP.
  const onOutage = (because: string | undefined): void => {
    if (because === undefined)
      log.info({ event: "reader.lookups-recovered" }, "look-ups in PostgreSQL are answered again");
    else
      log.warn(
        { event: "reader.lookups-failed", because },
        "look-ups in PostgreSQL fail; what is not in memory is 503",
      );
  };
  const findOrder = createFindOrder({ cache, ask, atOnce: LOOKUP_CONNECTIONS, onOutage });
  const stream = settings.READER_RECENT ? createRecentStream(recent) : undefined;
  const app = createApp({ findOrder, refreshState: refresh.state, recent: stream, metrics, log });
  const { READER_HOST: host, READER_PORT: port } = settings;
  const lane = createFastLane({ cache, metrics, otherwise: app.callback() });
  const server = await serve(lane, { host, port }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EADDRINUSE" ? "somebody else does; READER_PORT names another port" : error.message;
    log.fatal(
      { event: "reader.cannot-listen", host, port, code: error.code },
      `cannot listen on ${host}:${port}: ${why}`,
    );
    process.exit(1);
  });
  shutdown.add("http server", server.stop);
  // First of all: the server waits for the answers that it gives, and these have no end.
  shutdown.add("recent orders", () => {
    stream?.stop();
    recent.stop();
  });
  log.info({ event: "process.started", url: server.url }, `listening on ${server.url}`);
});
