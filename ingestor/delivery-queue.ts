import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  createPostgresBackend,
  type JobsOptions,
  type PgPool,
  Queue,
  Worker,
  type WorkerOptions,
  withBackend,
} from "bullmq";
import pg from "pg";
import { SteadyClient } from "../prisma/steady-client";
import { backoffMs } from "../runtime/backoff";
import type { Log } from "../runtime/log";
import { classifyFailure } from "./failure";
import { SteadyRedis } from "./steady-redis";
import { silence } from "./tell-silence";

/**
 * BullMQ as the postman of the outbox: a job names rows and carries none of their content, and nothing depends on a job
 * arriving. Jobs are kept in Redis where there is one, else in PostgreSQL.
 */
export interface DeliveryQueue {
  /**
   * Makes jobs for the rows, together with those that come soon after, and answers when these rows have theirs, whatever
   * comes later. A failure is logged and no more: the sweep finds rows that nobody delivers.
   */
  add(outboxIds: readonly bigint[]): Promise<void>;
  /** Jobs that wait or are being worked on. @throws when the queue's store cannot be reached */
  countPending(): Promise<number>;
  /** What keeps jobs from being made or worked on at the moment, in words. */
  problem(): string | undefined;
  /**
   * Finishes the job in hand and closes the connections, or cuts them off after two seconds: a store that is silent answers
   * no goodbye, and rows whose delivery was cut short come again with their lease.
   */
  close(): Promise<void>;
}

export interface DeliveryQueueOptions {
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string;
  /** The queue's name; ingestors of one topic share it. */
  readonly name: string;
  /** Delivers the rows; its failure ends the job, and the sweep makes another. */
  readonly deliver: (outboxIds: readonly bigint[]) => Promise<void>;
  readonly log: Log;
}

interface DeliveryJob {
  /** Ids of outbox rows, with commas: one text, because a list costs the queue's store a multiple of it. */
  readonly rows: string;
}

/** Rows that become jobs together. */
interface Gathering {
  readonly ids: bigint[];
  /** Is over when they have their jobs, and never fails. */
  readonly made: Promise<void>;
}

/** What comes sooner after the last job is gathered for the next: one costs the store as much as fifty letters. */
const BETWEEN_JOBS_MS = 250;
/** Far more than come in that time. */
const ROWS_PER_JOB = 2_000;
/** Twice what a sweep finds at once. Where so many wait the store takes no job: what comes then is left to the sweep. */
const MOST_GATHERED = 10_000;
/** The outbox remembers what is to be done; a job that is over has nothing left to say. */
const JOB_OPTIONS: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };
/**
 * Two, so that a job is being sent while the one before it is being marked and ended. A job that was picked up by
 * workers that died is harmless, however often: rows are protected by their leases. BullMQ by itself waits 15 s before it
 * asks again a store that has refused it.
 */
const WORKER_OPTIONS = {
  ...{ concurrency: 2, maxStalledCount: 1_000 },
  runRetryDelay: 250,
} satisfies Partial<WorkerOptions>;

/**
 * Opens the queue. Redis may come later; PostgreSQL has to be there.
 *
 * @throws when PostgreSQL keeps the jobs and cannot be reached: BullMQ's backend never recovers from that at its start
 */
export async function openDeliveryQueue(options: DeliveryQueueOptions): Promise<DeliveryQueue> {
  const errors = watchErrors(options);
  const report = errors.report;
  const work = async ({ data }: { data: DeliveryJob }): Promise<void> =>
    options.deliver(data.rows.split(",").map(BigInt));
  const { queue, worker, isReady, connected, disconnect, cut } = options.redisUrl
    ? onRedis(options.redisUrl, options.name, work, report)
    : onPostgres(options.databaseUrl, options.name, work);
  queue.on("error", report);
  worker.on("error", report);
  await connected().catch(async (error: unknown) => {
    await Promise.allSettled([worker.close(true), queue.close()]);
    await disconnect();
    throw error;
  });

  let gathering: Gathering | undefined;
  let making: Promise<void> = Promise.resolve();
  let lastAt = Number.NEGATIVE_INFINITY;
  const closing = new AbortController();
  const makeJobs = async (ids: bigint[]): Promise<void> => {
    const wait = lastAt + BETWEEN_JOBS_MS - performance.now();
    if (wait > 0) await delay(wait, undefined, closing).catch(() => {});
    // What comes from now on is gathered for the next.
    gathering = undefined;
    lastAt = performance.now();
    ids.sort((a, b) => Number(a - b));
    // One after the other: BullMQ's addBulk makes and drops a temporary table in PostgreSQL each time.
    for (let at = 0; isReady() && at < ids.length; at += ROWS_PER_JOB) {
      const rows = ids.slice(at, at + ROWS_PER_JOB).join();
      await queue.add("deliver", { rows }, JOB_OPTIONS).catch(report);
    }
  };
  const gather = (): Gathering => {
    const ids: bigint[] = [];
    making = making.then(() => makeJobs(ids));
    return { ids, made: making };
  };

  return {
    add: (outboxIds) => {
      gathering ??= gather();
      if (gathering.ids.length < MOST_GATHERED) gathering.ids.push(...outboxIds);
      return gathering.made;
    },
    countPending: async () => {
      if (!isReady()) throw new Error("the queue's store is not connected");
      const counts = await queue.getJobCounts("wait", "active", "delayed");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    problem: errors.problem,
    close: async () => {
      const ending = (async () => {
        closing.abort();
        await making;
        // Without its store a worker would wait for the store's return before it closes.
        if (!isReady()) await disconnect();
        await worker.close(!isReady());
        await queue.close();
        await disconnect();
      })();
      if (await isOverWithin(CLOSE_MS, ending)) return;
      report(Object.assign(new Error("the store does not answer a goodbye"), { code: silence.code }));
      // What still waits for an answer fails now; nobody is to hear of it.
      ending.catch(() => {});
      cut();
    },
  };
}

/** Less than half of what the whole process is given to stop (STOP_DEADLINE_MS): other steps follow. */
const CLOSE_MS = 2_000;

/** @throws what the work throws within the time */
async function isOverWithin(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}

type Work = (job: { data: DeliveryJob }) => Promise<void>;

/**
 * A command that Redis does not answer within this time ends its connection: one that is half open would otherwise hold
 * up every delivery, and the end of the process, for good. BullMQ's own waiting for a job takes five seconds.
 */
const REDIS_SILENCE_MS = 10_000;

const REDIS_PATIENCE = {
  socketTimeout: REDIS_SILENCE_MS,
  connectTimeout: 5_000,
  // A Redis that has been started reads its data; ioredis by itself asks it again after a second at the earliest.
  maxLoadingRetryTime: 100,
} as const;

function onRedis(url: string, name: string, work: Work, report: (error: unknown) => void) {
  // Never gives up on Redis, as BullMQ wants it. Commands given while it is away would wait for it in memory, so none
  // are given then; failing at once instead (enableOfflineQueue: false) breaks a Queue that is made before Redis is up.
  const retryStrategy = (attempt: number): number => backoffMs(attempt);
  const connection = new SteadyRedis({ maxRetriesPerRequest: null, retryStrategy, ...REDIS_PATIENCE }, url);
  connection.on("error", report);
  const worker = new Worker<DeliveryJob>(name, work, { connection, ...WORKER_OPTIONS });
  return {
    queue: new Queue<DeliveryJob>(name, { connection }),
    worker,
    isReady: () => connection.status === "ready",
    connected: async () => {},
    disconnect: async () => connection.disconnect(),
    cut: () => {
      connection.disconnect();
      // The one on which the worker waits for jobs is its own.
      worker.disconnect().catch(() => {});
    },
  };
}

/** The same for PostgreSQL: what hangs is ended by the server, else by the lack of its answer, with its connection. */
const POSTGRES_PATIENCE = {
  connectionTimeoutMillis: 5_000,
  statement_timeout: 8_000,
  query_timeout: 10_000,
  idle_in_transaction_session_timeout: 10_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
} as const;

/** Two for the worker's jobs, one on which it hears of more, one for making them. */
const POSTGRES_CONNECTIONS = 4;

function onPostgres(connectionString: string, name: string, work: Work) {
  const postgres = withBackend(createPostgresBackend);
  const sockets = new Set<Socket>();
  const stream = (): Socket => {
    const socket = new Socket();
    sockets.add(socket);
    return socket.once("close", () => sockets.delete(socket));
  };
  const pool = new pg.Pool({
    ...{ connectionString, max: POSTGRES_CONNECTIONS, application_name: "orders-ingestor-bullmq", stream },
    ...{ Client: SteadyClient, options: "-c search_path=bullmq", ...POSTGRES_PATIENCE },
  });
  // It is one; BullMQ's own words for its type leave out that rows are objects.
  const connection = pool as unknown as PgPool;
  const queue = new postgres.Queue<DeliveryJob>(name, { connection });
  const worker = new postgres.Worker<DeliveryJob>(name, work, { connection, ...WORKER_OPTIONS });
  return {
    queue,
    worker,
    isReady: () => true,
    connected: async () => {
      await queue.waitUntilReady();
      await worker.waitUntilReady();
    },
    disconnect: () => pool.end(),
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** BullMQ and ioredis report an outage several times a second; once in a while is enough to know of it. */
const REPEAT_LOG_MS = 30_000;
/** Who waits for a store tries again every two seconds at least (ioredis, the sweep); after this it must be over. */
const LASTING_MS = 5_000;

function watchErrors({ redisUrl, log }: DeliveryQueueOptions) {
  const store = redisUrl ? "Redis" : "PostgreSQL";
  const loggedAt = new Map<string, number>();
  let last: { readonly at: number; readonly code: string } | undefined;
  return {
    report: (error: unknown): void => {
      const { code } = classifyFailure(error);
      last = { at: Date.now(), code };
      if (Date.now() - (loggedAt.get(code) ?? 0) < REPEAT_LOG_MS) return;
      loggedAt.set(code, Date.now());
      log.warn({ event: "delivery.queue-error", code }, `${store} fails (${code}): dead letters wait`);
    },
    problem: (): string | undefined =>
      last && Date.now() - last.at < LASTING_MS ? `wait for ${store} (${last.code})` : undefined,
  };
}
