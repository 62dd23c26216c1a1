import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { clusterIdAt } from "../start/kafka-answers";
import { answersPing } from "../start/redis";
import type { RecoveryParts } from "./recovery-parts";

/** How a part goes away and comes back. */
export interface Fault {
  readonly name: string;
  readonly part: "PostgreSQL" | "Kafka" | "Redis";
  /** For the broker: records are published before it is gone, while nobody fetches them. */
  readonly isBroker?: true;
  /** Of how the ingestor is run: by doors where they fall silent, with Redis where that is what fails. */
  readonly ingestor: "as shipped" | "with Redis" | "by doors";
  /** How long the part stays away, where it is not the usual time. */
  readonly awaySeconds?: number;
  /** What the ingestor waits for an answer before it connects anew: on a half-open connection none comes. */
  readonly patienceSeconds?: number;
  /** What it gives is awaited, as with `mend`. */
  readonly strike: (parts: RecoveryParts, dlqTopic: string) => unknown;
  /** Is over in the moment in which the part answers again. */
  readonly mend: (parts: RecoveryParts) => unknown;
}

/** In seconds, as said in deploy/RUNBOOK.md: ANSWER_TIMEOUT_MS, REQUEST_TIMEOUT_MS, REDIS_SILENCE_MS. */
const PATIENCE = { postgres: 20, kafka: 15, redis: 10 } as const;
const ASK_EVERY_MS = 5;
const ANSWERS_WITHIN_MS = 60_000;
const END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders_ingestor'";

export const faults: readonly Fault[] = [
  {
    name: "PostgreSQL stopped and started",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    strike: ({ postgres }) => postgres.stop(),
    mend: async ({ postgres }) => {
      // The start goes on to look at the database; the part is back before.
      void postgres.start().catch(() => {});
      await untilPostgresAnswers({ postgres });
    },
  },
  {
    name: "PostgreSQL killed",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    // Whoever supervises it starts it again at once.
    awaySeconds: 0,
    strike: ({ postgres }) => process.kill(postgres.pid(), "SIGKILL"),
    mend: untilPostgresAnswers,
  },
  {
    name: "PostgreSQL frozen and thawed",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    strike: ({ postgres }) => postgres.freeze(),
    mend: ({ postgres }) => postgres.thaw(),
  },
  {
    name: "PostgreSQL frozen for longer than anybody waits",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    awaySeconds: PATIENCE.postgres + 5,
    strike: ({ postgres }) => postgres.freeze(),
    mend: ({ postgres }) => postgres.thaw(),
  },
  {
    name: "PostgreSQL read-only",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    strike: (parts) => setReadOnly(parts, "on"),
    mend: (parts) => setReadOnly(parts, "off"),
  },
  {
    name: "PostgreSQL refusing",
    ...{ part: "PostgreSQL", ingestor: "as shipped" },
    strike: ({ postgres }) => postgres.asSuperuser("ALTER ROLE orders_ingestor CONNECTION LIMIT 0", END_SESSIONS),
    mend: ({ postgres }) => postgres.asSuperuser("ALTER ROLE orders_ingestor CONNECTION LIMIT -1"),
  },
  {
    name: "PostgreSQL half-open",
    ...{ part: "PostgreSQL", ingestor: "by doors", patienceSeconds: PATIENCE.postgres },
    strike: ({ doors }) => doors.postgres.fallSilent({ alsoNew: true }),
    mend: ({ doors }) => doors.postgres.recover(),
  },
  {
    name: "broker stopped and started",
    ...{ part: "Kafka", isBroker: true, ingestor: "as shipped" },
    strike: ({ kafka }) => kafka.stop(),
    mend: async ({ kafka, brokers }) => {
      void kafka.start().catch(() => {});
      await untilAnswered("the broker", async () => (await clusterIdAt(portOf(`tcp://${brokers}`))) !== undefined);
    },
  },
  {
    name: "broker frozen and thawed",
    ...{ part: "Kafka", isBroker: true, ingestor: "as shipped" },
    strike: ({ kafka }) => kafka.freeze(),
    mend: ({ kafka }) => kafka.thaw(),
  },
  {
    name: "broker half-open",
    ...{ part: "Kafka", ingestor: "by doors", patienceSeconds: PATIENCE.kafka },
    strike: ({ doors }) => doors.kafka.fallSilent({ alsoNew: true }),
    mend: ({ doors }) => doors.kafka.recover(),
  },
  {
    name: "Redis stopped and started",
    ...{ part: "Redis", ingestor: "with Redis" },
    strike: ({ redis }) => redis.stop(),
    mend: async ({ redis, redisUrl }) => {
      void redis.start().catch(() => {});
      await untilAnswered("Redis", () => answersPing(portOf(redisUrl)));
    },
  },
  {
    name: "Redis frozen and thawed",
    ...{ part: "Redis", ingestor: "with Redis" },
    strike: ({ redis }) => redis.freeze(),
    mend: ({ redis }) => redis.thaw(),
  },
  {
    name: "Redis frozen for longer than anybody waits",
    ...{ part: "Redis", ingestor: "with Redis" },
    awaySeconds: PATIENCE.redis + 5,
    strike: ({ redis }) => redis.freeze(),
    mend: ({ redis }) => redis.thaw(),
  },
  {
    name: "Redis emptied",
    ...{ part: "Redis", ingestor: "with Redis" },
    // A queue that is paused keeps its jobs until they are taken from it, and its pause with them.
    strike: async ({ redisUrl }, dlqTopic) => {
      const queue = new Queue(`deliver-${dlqTopic}`, { connection: { url: redisUrl } });
      await queue.pause();
      await queue.close();
    },
    mend: ({ redisUrl }) => withRedis(redisUrl, (redis) => redis.flushall()),
  },
  {
    name: "Redis full",
    ...{ part: "Redis", ingestor: "with Redis" },
    strike: ({ redisUrl }) => withRedis(redisUrl, (redis) => redis.config("SET", "maxmemory", "1")),
    mend: ({ redisUrl }) => withRedis(redisUrl, (redis) => redis.config("SET", "maxmemory", "0")),
  },
  {
    name: "Redis half-open",
    ...{ part: "Redis", ingestor: "by doors", patienceSeconds: PATIENCE.redis },
    strike: ({ doors }) => doors.redis.fallSilent({ alsoNew: true }),
    mend: ({ doors }) => doors.redis.recover(),
  },
];

function untilPostgresAnswers({ postgres }: Pick<RecoveryParts, "postgres">): Promise<void> {
  return untilAnswered("PostgreSQL", async () => (await postgres.asSuperuser("SELECT")).length === 1);
}

/** @throws Error when it does not answer within a minute */
async function untilAnswered(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + ANSWERS_WITHIN_MS; ; await delay(ASK_EVERY_MS)) {
    if (await ask().catch(() => false)) return;
    if (performance.now() > deadline) throw new Error(`${what} has not come back within a minute`);
  }
}

function setReadOnly({ postgres }: RecoveryParts, value: "on" | "off"): Promise<unknown> {
  return postgres.asSuperuser(
    "SET default_transaction_read_only = off",
    `ALTER SYSTEM SET default_transaction_read_only = ${value}`,
    "SELECT pg_reload_conf()",
  );
}

async function withRedis(url: string, use: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url);
  try {
    await use(redis);
  } finally {
    redis.disconnect();
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
