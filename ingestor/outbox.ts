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
 *
 * The letter itself is written once. What changes is in a row of a few bytes: of outbox_undelivered, which comes with the
 * letter, then of outbox_delivered.
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
  /** Reads the rows that are not delivered, of which there are few. */
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

/**
 * Rows of a topic that nobody has had for so many seconds. With OFFSET each waiting row is looked up by its number; a plan
 * that was made while the outbox was small might read all of it instead, every second.
 */
const FORGOTTEN = `FROM outbox_undelivered AS undelivered
  CROSS JOIN LATERAL (SELECT topic, failed_at FROM outbox WHERE outbox.id = undelivered.id OFFSET 0) AS letter
  WHERE refusal IS NULL AND topic = $1 AND (leased_until IS NULL OR leased_until < now())
    AND failed_at < now() - make_interval(secs => $2::float8)`;
const HAS_FORGOTTEN = { name: "has-forgotten", text: `SELECT ${FORGOTTEN} LIMIT 1` } as const;

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
          SELECT id, bytes FROM outbox_undelivered
          WHERE id = ANY ('{${ids.join()}}'::bigint[]) AND refusal IS NULL
            AND (leased_until IS NULL OR leased_until < now())
          ORDER BY id FOR UPDATE SKIP LOCKED
        ), measured AS (SELECT id, bytes, sum(bytes) OVER (ORDER BY id) AS total FROM waiting), leased AS (
          UPDATE outbox_undelivered AS undelivered
          SET leased_until = now() + make_interval(secs => ${LEASE_SECONDS}), attempts = attempts + 1
          FROM measured WHERE measured.id = undelivered.id AND (total <= ${bytes} OR total = measured.bytes)
          RETURNING undelivered.id
        )
        SELECT ${LETTER_COLUMNS} FROM leased JOIN outbox USING (id)`);
      return letters.sort((a, b) => Number(a.id - b.id));
    },
    markDelivered: (ids) =>
      withIds(
        ids,
        (array) => prisma.$executeRaw`
        WITH sent AS (DELETE FROM outbox_undelivered WHERE id = ANY (${array}::bigint[]) RETURNING id, attempts)
        INSERT INTO outbox_delivered (id, attempts) SELECT id, attempts FROM sent ON CONFLICT (id) DO NOTHING`,
      ),
    markRefused: async (id, refusal) => {
      await prisma.undeliveredRow.updateMany({ where: { id }, data: { refusal } });
    },
    release: (ids) =>
      withIds(
        ids,
        (array) => prisma.$executeRaw`
        UPDATE outbox_undelivered SET leased_until = NULL WHERE id = ANY (${array}::bigint[])`,
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
          `SELECT id ${FORGOTTEN} ORDER BY id LIMIT $3`,
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
        FROM outbox_undelivered JOIN outbox USING (id) WHERE topic = ${topic}`;
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
