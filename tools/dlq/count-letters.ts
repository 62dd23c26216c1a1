import type pg from "pg";
import { OUTBOX_LETTERS } from "./outbox-letters";

export interface LetterStats {
  /** Dead letters in all; one that failed again is one letter, as it failed last. */
  readonly letters: number;
  /** Those that nobody has brought back, or nobody knows yet what became of it. */
  readonly open: number;
  /** The records that they stand for: more where batches could not be decoded. */
  readonly records: number;
  /** Of what is in the outbox, where a letter stands once for each time that it failed; so do `waiting` and `refused`. */
  readonly delivered: number;
  readonly waiting: number;
  readonly refused: number;
  /** When the first and the last failed; null without any. ISO 8601. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** Since when the longest-waiting waits; null if none does. */
  readonly waitingSince: string | null;
  /** Failures, as is `perHour`. */
  readonly lastHour: number;
  /** Failures an hour, over the last `rateHours`. */
  readonly perHour: number;
  /** A day, or as long as there has been something to ingest; an hour at least. */
  readonly rateHours: number;
  /** The one of the most open letters first. */
  readonly causes: readonly Cause[];
  /** Why some cannot be sent: Kafka's codes, and ours. */
  readonly refusals: readonly { readonly refusal: string; readonly letters: number }[];
  /** What became of those that were brought back. */
  readonly replays: {
    readonly stored: number;
    readonly failedAgain: number;
    readonly duplicate: number;
    /** Not ingested yet, interrupted, or lost by Kafka. */
    readonly unknown: number;
  };
}

export interface Cause {
  readonly reason: string;
  /** Of the first mistake; `*` for a place in a list. */
  readonly path: string;
  readonly letters: number;
  readonly open: number;
  readonly lastHour: number;
  readonly newest: string;
  /** The first mistake of the newest. */
  readonly example: string;
  /** Different first mistakes. */
  readonly mistakes: number;
}

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

const rounded = (number: number): number => Math.round(number * 10) / 10;

/** Counts the dead letters by what an operator asks first: how many, since when, why, and did they arrive. */
export async function countLetters(client: pg.Client): Promise<LetterStats> {
  const { rows: totals } = await client.query(`
    SELECT (count(*) FILTER (WHERE outcome <> 'failed-again'))::int AS letters,
      (count(*) FILTER (WHERE outcome IN ('open', 'sent')))::int AS open,
      coalesce(sum(record_count) FILTER (WHERE outcome <> 'failed-again'), 0)::int AS records,
      count(delivered_at)::int AS delivered,
      (count(*) FILTER (WHERE delivered_at IS NULL AND refusal IS NULL))::int AS waiting,
      (count(*) FILTER (WHERE delivered_at IS NULL AND refusal IS NOT NULL))::int AS refused,
      min(failed_at) AS oldest, max(failed_at) AS newest,
      min(failed_at) FILTER (WHERE delivered_at IS NULL AND refusal IS NULL) AS waiting_since,
      (count(*) FILTER (WHERE failed_at > now() - interval '1 hour'))::int AS last_hour,
      (count(*) FILTER (WHERE failed_at > now() - interval '1 day'))::int AS last_day,
      extract(epoch FROM now() - least((SELECT min(started_at) FROM epochs), min(failed_at)))::float8 / 3600 AS age_hours
    FROM ${OUTBOX_LETTERS}`);
  const { rows: causes } = await client.query(`
    WITH last AS (
      SELECT id, reason, failed_at, outcome, split_part(errors, E'\\n', 1) AS mistake
      FROM ${OUTBOX_LETTERS} WHERE outcome <> 'failed-again')
    SELECT reason, regexp_replace(split_part(mistake, ' ', 1), '/[0-9]+(?=/|$)', '/*', 'g') AS path,
      count(*)::int AS letters, (count(*) FILTER (WHERE outcome IN ('open', 'sent')))::int AS open,
      (count(*) FILTER (WHERE failed_at > now() - interval '1 hour'))::int AS "lastHour",
      max(failed_at) AS newest, (array_agg(mistake ORDER BY id DESC))[1] AS example,
      count(DISTINCT mistake)::int AS mistakes
    FROM last GROUP BY 1, 2 ORDER BY open DESC, letters DESC, reason, path`);
  const { rows: refusals } = await client.query(`
    SELECT refusal, count(*)::int AS letters FROM outbox_undelivered
    WHERE refusal IS NOT NULL GROUP BY 1 ORDER BY 2 DESC`);
  const { rows: replays } = await client.query(`
    SELECT (count(*) FILTER (WHERE state = 'stored'))::int AS stored,
      (count(*) FILTER (WHERE state = 'failed'))::int AS "failedAgain",
      (count(*) FILTER (WHERE state = 'duplicate'))::int AS duplicate,
      (count(*) FILTER (WHERE state IN ('sending', 'sent', 'gone')))::int AS unknown
    FROM replays`);
  const { oldest, newest, waiting_since, last_hour, last_day, age_hours, ...counts } = totals[0];
  const rateHours = Math.min(24, Math.max(1, age_hours));
  return {
    ...counts,
    ...{ oldest: iso(oldest), newest: iso(newest), waitingSince: iso(waiting_since) },
    ...{ lastHour: last_hour, perHour: rounded(last_day / rateHours), rateHours: rounded(rateHours) },
    causes: causes.map((cause) => ({ ...cause, newest: iso(cause.newest) })),
    refusals,
    replays: replays[0],
  };
}
