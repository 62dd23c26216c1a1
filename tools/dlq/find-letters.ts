import type pg from "pg";
import { decodeHeaders, type HeaderList } from "../../runtime/kafka/headers";
import type { ListWish } from "./options";
import { OUTBOX_LETTERS, type Outcome } from "./outbox-letters";

/** `waiting` for its delivery, `refused` by Kafka or for its headers (it stays in the outbox), or `delivered` to the dead-letter topic. */
export type Delivery = "waiting" | "refused" | "delivered";

/** A dead letter without its content. */
export interface LetterHead {
  /** x-dlq-id. */
  readonly id: string;
  /** The number of its row in the outbox. */
  readonly outboxId: number;
  /** ISO 8601. */
  readonly failedAt: string;
  readonly reason: string;
  /** The first mistakes. */
  readonly errors: readonly string[];
  readonly delivery: Delivery;
  readonly deliveredAt: string | null;
  /** Why it is refused: Kafka's code, or ours. */
  readonly refusal: string | null;
  /** Deliveries begun. */
  readonly attempts: number;
  /** More than 1 for a batch that could not be decoded, which stands there as a whole. */
  readonly records: number;
  /** Where it failed last, which is not where its id says once it was brought back. */
  readonly offset: number;
  readonly lastOffset: number;
  /** How often it had been brought back when it failed. */
  readonly replays: number;
  readonly outcome: Outcome;
}

export interface Letter extends LetterHead {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
  /** Milliseconds since 1970; -1 if the record had none. */
  readonly timestamp: number;
}

const HEAD = `id, epoch, partition, "offset", last_offset, record_count, topic, reason, errors, failed_at, attempts,
  refusal, delivered_at, letter, replays, outcome`;

/** The columns of HEAD as `pg` has them: what is 64 bits wide is text. */
interface HeadRow {
  readonly id: string;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: string;
  readonly last_offset: string;
  readonly record_count: number;
  readonly topic: string;
  readonly reason: string;
  readonly errors: string;
  readonly failed_at: Date;
  readonly attempts: number;
  readonly refusal: string | null;
  readonly delivered_at: Date | null;
  readonly letter: string;
  readonly replays: number;
  readonly outcome: Outcome;
}

interface WholeRow extends HeadRow {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Buffer;
  readonly timestamp: string;
}

/** The newest letters that fit the wish, how many fit, and how many there are. */
export async function listLetters(
  client: pg.Client,
  wish: ListWish,
): Promise<{ readonly all: number; readonly matched: number; readonly letters: readonly LetterHead[] }> {
  const where = `($1::text IS NULL OR reason = $1) AND ($2::text IS NULL OR errors ~ $2)
    AND ($3::timestamptz IS NULL OR failed_at >= $3) AND (NOT $4 OR delivered_at IS NULL)
    AND (NOT $5 OR outcome IN ('open', 'sent'))`;
  const filter = [wish.reason ?? null, wish.path ? patternOf(wish.path) : null, wish.since ?? null, wish.undelivered];
  const { rows } = await client.query<HeadRow>(
    `SELECT ${HEAD} FROM ${OUTBOX_LETTERS} WHERE ${where} ORDER BY id DESC LIMIT $6`,
    [...filter, wish.open, wish.limit],
  );
  const { rows: counted } = await client.query<{ all: number; matched: number }>(
    `SELECT count(*)::int AS all, (count(*) FILTER (WHERE ${where}))::int AS matched FROM ${OUTBOX_LETTERS}`,
    [...filter, wish.open],
  );
  const { all = 0, matched = 0 } = counted[0] ?? {};
  return { all, matched, letters: rows.map(headOf) };
}

/** Finds a letter by its x-dlq-id or by the number of its row; of one that was brought back and failed again, the last. */
export async function findLetter(client: pg.Client, id: string): Promise<Letter | undefined> {
  const [, topic, ...place] = LETTER_ID.exec(id) ?? [];
  const isNumber = /^\d{1,18}$/.test(id);
  if (topic === undefined && !isNumber) return undefined;
  const { rows } = await client.query<WholeRow>(
    `SELECT ${HEAD}, key, value, headers, "timestamp" FROM ${OUTBOX_LETTERS}
     WHERE ${isNumber ? "id = $1" : '(topic = $1 AND epoch = $2 AND partition = $3 AND "offset" = $4) OR dlq_id = $5'}
     ORDER BY letters.id DESC LIMIT 1`,
    isNumber ? [id] : [topic, ...place, id],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { key, value, headers, timestamp } = row;
  return { ...headOf(row), key, value, headers: decodeHeaders(headers), timestamp: Number(timestamp) };
}

const LETTER_ID = /^(.+):(\d{1,9}):(\d{1,9}):(\d{1,18})$/;

/** Whether it has the form of an x-dlq-id. */
export function isLetterId(text: string): boolean {
  return LETTER_ID.test(text);
}

/** A regular expression for a mistake at the path or below it, in any line. */
export function patternOf(path: string): string {
  const literal = path.replace(/\/+$/, "").replace(/[\\^$.|?+()[\]{}]/g, "\\$&");
  return `(^|\\n)${literal.replaceAll("/*", "/[0-9]+")}${path === "/" ? "/ " : "[ /]"}`;
}

function headOf(row: HeadRow): LetterHead {
  return {
    id: row.letter,
    outboxId: Number(row.id),
    failedAt: row.failed_at.toISOString(),
    reason: row.reason,
    errors: row.errors.split("\n"),
    delivery: row.delivered_at ? "delivered" : row.refusal ? "refused" : "waiting",
    deliveredAt: row.delivered_at?.toISOString() ?? null,
    refusal: row.refusal,
    attempts: row.attempts,
    records: row.record_count,
    offset: Number(row.offset),
    lastOffset: Number(row.last_offset),
    replays: row.replays,
    outcome: row.outcome,
  };
}
