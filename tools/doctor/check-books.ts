import type { SeenTopic } from "../../ingestor/open-positions";
import type { Connection } from "../../prisma/open-connection";
import { DELIVERY_SECONDS } from "../audit/check-books";
import { describeEnded, type EndedLife } from "../audit/ended-lives";
import { ago } from "../dlq/describe";
import { type Finding, notAsked, orWell, unwell, well } from "./finding";

/** How far a partition of the topic's current life has been ingested. */
export interface BookedPosition {
  readonly partition: number;
  /** Kafka's id of the topic that was ingested; null where the broker told none. */
  readonly topicId: string | null;
  readonly nextOffset: bigint;
  /** Seconds since it moved, by PostgreSQL's clock. */
  readonly idleSeconds: number;
}

/** Ten times as long as an ingestor that was killed keeps its partitions from others: its session of 6 s at most. */
const STALLED_SECONDS = 60;
const BEGIN_ANEW = "start the ingestor, which then begins a new epoch; deploy/RUNBOOK.md, positions.topic-made-anew";

/** Dead letters that should have reached Kafka long ago, and those that cannot be sent. */
export async function checkOutbox(connection: Connection): Promise<readonly Finding[]> {
  const [row] = await connection.ask<{ letters: number; waiting: number; seconds: number | null; refused: number }>(`
    SELECT (SELECT count(*) FROM outbox)::int AS letters,
      (count(*) FILTER (WHERE refusal IS NULL))::int AS waiting, (count(*) FILTER (WHERE refusal IS NOT NULL))::int AS refused,
      (extract(epoch FROM now() - min(failed_at) FILTER (WHERE refusal IS NULL)))::float8 AS seconds
    FROM outbox_undelivered JOIN outbox USING (id)`);
  const { letters = 0, waiting = 0, refused = 0, seconds = null } = row ?? {};
  const wrong: Finding[] = [];
  if (seconds !== null && seconds > DELIVERY_SECONDS) {
    const what = `${waiting} dead letters wait for their delivery, the longest for ${ago(new Date(0).toISOString(), new Date(seconds * 1_000))}`;
    wrong.push(
      unwell("outbox", what, "see that an ingestor runs and reaches Kafka; its /readyz and its log say why not"),
    );
  }
  if (refused > 0) {
    const mend = "npm run dlq says why; deploy/RUNBOOK.md, OrdersDeadLettersRefused, what to do";
    wrong.push(unwell("outbox", `dead letters that cannot be sent: ${refused}`, mend));
  }
  return orWell(
    wrong,
    "outbox",
    `${letters} dead letters, ${waiting === 0 ? "all" : `${letters - waiting}`} of them delivered`,
  );
}

/**
 * Records that Kafka had deleted unread, in any life of the topic, and partitions whose ingestor dies again and again;
 * and of the lives that are over, up to where they were read.
 */
export async function checkGaps(connection: Connection, topic: string): Promise<readonly Finding[]> {
  const rows = await connection.ask<{ place: string; gap: string; starts: number }>(`
    SELECT concat_ws(':', topic, epoch, partition) AS place, gap::text, unfinished_starts AS starts
    FROM positions JOIN epochs ON id = epoch WHERE topic = '${topic.replaceAll("'", "''")}' ORDER BY epoch, partition`);
  const wrong = rows.flatMap(({ place, gap, starts }) => [
    ...(gap === "0"
      ? []
      : [
          unwell(
            "gaps",
            `${place}: Kafka had deleted ${gap} offsets before they were ingested`,
            "ask the producer to publish them again; raise retention.ms",
          ),
        ]),
    ...(starts > 3
      ? [
          unwell(
            "gaps",
            `${place}: ingesting was begun ${starts} times in vain`,
            "look for what ends the ingestor: its last log lines, and the memory that it is given; deploy/RUNBOOK.md, A batch that ends the process",
          ),
        ]
      : []),
  ]);
  const ended = (await readEndedLives(connection, topic)).map((life) => notAsked("gaps", describeEnded(life)));
  const where = ended.length > 0 ? " from a topic that was still there" : "";
  return [...orWell(wrong, "gaps", `nothing was deleted unread${where}`), ...ended];
}

async function readEndedLives(connection: Connection, topic: string): Promise<readonly EndedLife[]> {
  const ofTopic = `topic = '${topic.replaceAll("'", "''")}'`;
  const rows = await connection.ask<Omit<EndedLife, "topic">>(`
    SELECT epoch, json_agg(json_build_object('partition', partition, 'nextOffset', next_offset) ORDER BY partition) AS positions
    FROM positions JOIN epochs ON id = epoch
    WHERE ${ofTopic} AND epoch < (SELECT max(id) FROM epochs WHERE ${ofTopic}) GROUP BY epoch ORDER BY epoch`);
  return rows.map((row) => ({ topic, ...row }));
}

export async function readPositions(connection: Connection, topic: string): Promise<readonly BookedPosition[]> {
  const rows = await connection.ask<{ id: string | null; partition: number; next: string; idle: number }>(`
    SELECT topic_id AS id, partition, next_offset::text AS next, extract(epoch FROM now() - updated_at)::float8 AS idle
    FROM positions JOIN epochs ON id = epoch WHERE epoch = (SELECT max(id) FROM epochs WHERE topic = '${topic.replaceAll("'", "''")}')`);
  return rows.map(({ id, partition, next, idle }) => {
    return { partition, topicId: id, nextOffset: BigInt(next), idleSeconds: idle };
  });
}

/**
 * Compares the positions with the logs: what is not ingested, and does not move; and positions that fit no log. Pure.
 *
 * @param ingestor what was found of the ingestor: whether what waits goes on
 */
export function checkLag(
  { name: topic, id, bounds }: SeenTopic,
  positions: readonly BookedPosition[],
  ingestor: Finding,
): readonly Finding[] {
  if (id !== undefined && positions.some(({ topicId }) => topicId !== null && topicId !== id)) {
    const records = bounds.reduce((sum, { low, high }) => sum + high - low, 0n);
    const what = `${topic} was made anew, and no ingestor has noticed yet: none of its ${records} offsets is ingested`;
    return [unwell("lag", what, BEGIN_ANEW)];
  }
  const wrong: Finding[] = [];
  let lag = 0n;
  for (const { partition, low, high } of bounds) {
    const position = positions.find((each) => each.partition === partition);
    const next = position?.nextOffset ?? 0n;
    const place = `${topic}:${partition}`;
    const behind = high > next ? high - (next > low ? next : low) : 0n;
    lag += behind;
    if (next > high) {
      wrong.push(
        unwell("lag", `${place} ends at ${high}, and ${next} is ingested: the topic was made anew or cut`, BEGIN_ANEW),
      );
    } else if (position && next < low) {
      wrong.push(
        unwell(
          "lag",
          `${place}: Kafka has deleted ${low - next} offsets that were not ingested`,
          "start the ingestor, which records them as a gap; raise retention.ms",
        ),
      );
    }
    if (behind > 0n && (position?.idleSeconds ?? Number.POSITIVE_INFINITY) > STALLED_SECONDS) {
      wrong.push(
        unwell(
          "lag",
          `${place}: ${behind === 1n ? "1 record waits" : `${behind} records wait`}, and nothing was ingested for over a minute`,
          "start an ingestor, or see its /readyz and its log for what it waits for",
        ),
      );
    }
  }
  if (wrong.length > 0) return wrong;
  if (lag === 0n) return [well("lag", "every record is ingested")];
  const waiting = lag === 1n ? "1 record is not ingested yet" : `${lag} records are not ingested yet`;
  return ingestor.state === "unwell"
    ? [
        unwell(
          "lag",
          `${waiting}, and the ingestor is not well`,
          "mend the ingestor, as is said above; it then goes on",
        ),
      ]
    : [well("lag", `${waiting}, and it goes on`)];
}
