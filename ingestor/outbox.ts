import { type Prisma, TRANSACTION_PATIENCE } from "../prisma/client";
import { ParkedBytes } from "../prisma/parked-bytes";
import type { StandingQuestions } from "../prisma/standing-questions";
import { LETTER_COLUMNS, type Letter, type LetterSource } from "./letter-source";
import { bigintArray } from "./pg-array";

/**
 * The rows of the outbox as their delivery sees them.
 *
 * A row is `waiting` (nobody has it), `leased` (a worker has it to itself until a moment in time), `delivered`, or
 * `refused` (Kafka will never take it: it stays, to be counted and looked at). A lease that runs out makes it waiting
 * again, whatever became of the worker.
 */
export interface Outbox {
  /**
   * Leases those of the named rows that are waiting, from the first on until there are `bytes` of them, and one at least
   * if any waits. In order.
   */
  take(ids: readonly bigint[], bytes: number): Promise<readonly Letter[]>;
  markDelivered(ids: readonly bigint[]): Promise<void>;
  markRefused(id: bigint, refusal: string): Promise<void>;
  /** Gives rows back before their lease ends, after a delivery that failed. */
  release(ids: readonly bigint[]): Promise<void>;
  /** Whether any row has waited longer than this. */
  hasForgotten(afterSeconds: number): Promise<boolean>;
  /** Rows that have waited longer than this, oldest first; undefined if another ingestor is looking. */
  findForgotten(afterSeconds: number, limit: number): Promise<readonly bigint[] | undefined>;
  /** Reads the rows that are not delivered, of which there are few, by their own index. */
  depth(): Promise<OutboxDepth>;
}

/** What is not in the dead-letter topic. */
export interface OutboxDepth {
  readonly waiting: number;
  readonly refused: number;
  /** Since the oldest that waits has failed; 0 if none waits. */
  readonly oldestSeconds: number;
}

/** Longer than a portion takes with its retries (deliver.ts); a crashed worker's rows wait this long. */
export const LEASE_SECONDS = 60;
/** Any fixed number; this one spells "outb". */
const SWEEP_LOCK = 0x6f757462;

/** The condition of rows of a topic that nobody has had for so many seconds. */
const FORGOTTEN = `delivered_at IS NULL AND refusal IS NULL AND topic = $1
  AND (leased_until IS NULL OR leased_until < now()) AND failed_at < now() - make_interval(secs => $2::float8)`;
const HAS_FORGOTTEN = { name: "has-forgotten", text: `SELECT FROM outbox WHERE ${FORGOTTEN} LIMIT 1` } as const;

/** @param topic whose rejected records are looked for; several topics may share a database */
export function createOutbox(
  prisma: Prisma,
  source: Pick<LetterSource, "read">,
  questions: Pick<StandingQuestions, "ask">,
  topic: string,
): Outbox {
  return {
    take: async (ids, bytes) => {
      // COPY takes no parameters. All of these are numbers, so they can stand in the text.
      const letters = await source.read(`
        WITH waiting AS (
          SELECT id, coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + octet_length(headers) AS bytes
          FROM outbox
          WHERE id = ANY ('{${ids.join()}}'::bigint[]) AND delivered_at IS NULL AND refusal IS NULL
            AND (leased_until IS NULL OR leased_until < now())
          ORDER BY id FOR UPDATE SKIP LOCKED
        ), measured AS (SELECT id, bytes, sum(bytes) OVER (ORDER BY id) AS total FROM waiting)
        UPDATE outbox SET leased_until = now() + make_interval(secs => ${LEASE_SECONDS}), attempts = attempts + 1
        FROM measured WHERE measured.id = outbox.id AND (total <= ${bytes} OR total = bytes)
        RETURNING ${LETTER_COLUMNS}`);
      return letters.sort((a, b) => Number(a.id - b.id));
    },
    markDelivered: (ids) =>
      withIds(
        ids,
        (array) => prisma.$executeRaw`UPDATE outbox SET delivered_at = now() WHERE id = ANY (${array}::bigint[])`,
      ),
    markRefused: async (id, refusal) => {
      await prisma.outboxRow.update({ where: { id }, data: { refusal } });
    },
    release: (ids) =>
      withIds(
        ids,
        (array) => prisma.$executeRaw`
        UPDATE outbox SET leased_until = NULL WHERE id = ANY (${array}::bigint[]) AND delivered_at IS NULL`,
      ),
    hasForgotten: async (afterSeconds) => {
      return (await questions.ask(HAS_FORGOTTEN, [topic, afterSeconds])).length > 0;
    },
    findForgotten: (afterSeconds, limit) =>
      prisma.$transaction(async (tx) => {
        const [lock] = await tx.$queryRaw<
          { taken: boolean }[]
        >`SELECT pg_try_advisory_xact_lock(${SWEEP_LOCK}) AS taken`;
        if (!lock?.taken) return undefined;
        const rows = await tx.$queryRawUnsafe<{ id: bigint }[]>(
          `SELECT id FROM outbox WHERE ${FORGOTTEN} ORDER BY id LIMIT $3`,
          topic,
          afterSeconds,
          limit,
        );
        return rows.map(({ id }) => id);
      }, TRANSACTION_PATIENCE),
    depth: async () => {
      const [row] = await prisma.$queryRaw<OutboxDepth[]>`
        SELECT (count(*) FILTER (WHERE refusal IS NULL))::int AS waiting,
          (count(*) FILTER (WHERE refusal IS NOT NULL))::int AS refused,
          coalesce(extract(epoch FROM now() - min(failed_at) FILTER (WHERE refusal IS NULL)), 0)::float8 AS "oldestSeconds"
        FROM outbox WHERE delivered_at IS NULL AND topic = ${topic}`;
      return row ?? { waiting: 0, refused: 0, oldestSeconds: 0 };
    },
  };
}

/** Prisma's lists are a parameter for each id. */
async function withIds(ids: readonly bigint[], use: (array: string) => Promise<unknown>): Promise<void> {
  const bytes = new ParkedBytes();
  try {
    await use(bytes.park(bigintArray(ids)));
  } finally {
    bytes.release();
  }
}
