import { createPostgresBackend, type JobsOptions, Queue, Worker, type WorkerOptions, withBackend } from "bullmq";
import { Redis } from "ioredis";
import type { Log } from "../runtime/log";
import { classifyFailure } from "./failure";

/**
 * BullMQ as the postman of the outbox: a job names rows and carries none of their content, and nothing depends on a job
 * arriving. Jobs are kept in Redis where there is one, else in PostgreSQL.
 */
export interface DeliveryQueue {
  /** Makes jobs for the rows. A failure is logged and no more: the sweep finds rows that nobody delivers. */
  add(outboxIds: readonly bigint[]): Promise<void>;
  /** Jobs that wait or are being worked on. @throws when the queue's store cannot be reached */
  countPending(): Promise<number>;
  /** Finishes the job in hand and closes the connections. */
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
  /** Ids of outbox rows; as text, because JSON has no 64-bit numbers. */
  readonly outboxIds: readonly string[];
}

const ROWS_PER_JOB = 500;
/** The outbox remembers what is to be done; a job that is over has nothing left to say. */
const JOB_OPTIONS: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };
/** A job that was picked up by workers that died is harmless, however often: rows are protected by their leases. */
const WORKER_OPTIONS = { concurrency: 1, maxStalledCount: 1_000 } satisfies Partial<WorkerOptions>;

export function openDeliveryQueue(options: DeliveryQueueOptions): DeliveryQueue {
  const { log } = options;
  const work = async ({ data }: { data: DeliveryJob }): Promise<void> => options.deliver(data.outboxIds.map(BigInt));
  const { queue, worker, disconnect } = options.redisUrl
    ? onRedis(options.redisUrl, options.name, work, log)
    : onPostgres(options.databaseUrl, options.name, work);
  queue.on("error", (error) => logQueueError(log, error));
  worker.on("error", (error) => logQueueError(log, error));

  return {
    add: async (outboxIds) => {
      const jobs = [];
      for (let at = 0; at < outboxIds.length; at += ROWS_PER_JOB) {
        jobs.push({
          name: "deliver",
          data: { outboxIds: outboxIds.slice(at, at + ROWS_PER_JOB).map(String) },
          opts: JOB_OPTIONS,
        });
      }
      await queue.addBulk(jobs).catch((error: unknown) => logQueueError(log, error));
    },
    countPending: async () => {
      const counts = await queue.getJobCounts("wait", "active", "delayed");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    close: async () => {
      await worker.close();
      await queue.close();
      disconnect();
    },
  };
}

type Work = (job: { data: DeliveryJob }) => Promise<void>;

function onRedis(url: string, name: string, work: Work, log: Log) {
  // Adding a job must fail at once while Redis is away, the worker must wait for as long as it takes.
  const forQueue = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const forWorker = new Redis(url, { maxRetriesPerRequest: null });
  for (const connection of [forQueue, forWorker]) connection.on("error", (error) => logQueueError(log, error));
  return {
    queue: new Queue<DeliveryJob>(name, { connection: forQueue, skipWaitingForReady: true }),
    worker: new Worker<DeliveryJob>(name, work, { connection: forWorker, ...WORKER_OPTIONS }),
    disconnect: () => {
      forQueue.disconnect();
      forWorker.disconnect();
    },
  };
}

function onPostgres(connectionString: string, name: string, work: Work) {
  const postgres = withBackend(createPostgresBackend);
  const connection = { connectionString, max: 2, application_name: "orders-ingestor-bullmq" };
  return {
    queue: new postgres.Queue<DeliveryJob>(name, { connection }),
    worker: new postgres.Worker<DeliveryJob>(name, work, { connection, ...WORKER_OPTIONS }),
    disconnect: () => {},
  };
}

function logQueueError(log: Log, error: unknown): void {
  const { code } = classifyFailure(error);
  log.warn({ event: "delivery.queue-error", code }, `the delivery queue has a problem (${code}); the sweep goes on`);
}
