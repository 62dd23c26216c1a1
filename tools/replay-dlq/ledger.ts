import { hostname, userInfo } from "node:os";
import type pg from "pg";
import { bigintArray, byteaArray, intArray, textArray } from "../../ingestor/pg-array";
import { SteadyClient } from "../../prisma/steady-client";
import { nameOf, type ReplayName } from "./letter";

/**
 * The ledger of what is brought back: a row for each time that a dead letter is sent again (table `replays`).
 *
 *     (no row) ──claim──► sending ──mark──► sent ──tell──► stored | failed | duplicate | gone
 *                 ▲          │ not found in Kafka (with its mended bytes), or refused by it (without)
 *                 └─ planned ◄┘
 *
 * A row is claimed, with the bytes to send, in a transaction that ends before they are sent. Whoever claims it has it to
 * himself: a second operator's claim of the same row changes nothing. `sending` says that Kafka may have it or not; only
 * a look into the topic from `search_from` on decides between `sent` and `planned` (find-sent.ts). `gone` (Kafka deleted
 * the record before it was ingested) may be claimed again like `planned`; the other ends are final. A letter is brought
 * back by one row after the other: by the next when it has failed again, and its new letter asks for it; or when what
 * failed was no order that --edit had made and --force had sent, and the letter asks for it that it was made of.
 *
 * A run lives as long as its database session, which holds an advisory lock of its number: kill -9 ends both. The
 * unfinished rows of a run that is dead are adopted by whoever gets that lock.
 */
export class Ledger {
  readonly #client: pg.Client;
  #run = 0;

  constructor(databaseUrl: string) {
    this.#client = new SteadyClient({
      connectionString: databaseUrl,
      application_name: "orders-replay-dlq",
      connectionTimeoutMillis: 10_000,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      // A host that is gone gives its lock back within half a minute.
      options: "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4",
    });
  }

  /** @param isDryRun whatever would be written is refused by the server then */
  async open(isDryRun: boolean): Promise<void> {
    await this.#client.connect();
    await this.#client.query(
      'CREATE TEMPORARY TABLE seen_letters (dlq_id text COLLATE "C", replay int, PRIMARY KEY (dlq_id, replay))',
    );
    if (isDryRun) {
      await this.#client.query("SET default_transaction_read_only = on");
      return;
    }
    const { rows } = await this.#client.query<{ id: number }>(
      "INSERT INTO replay_runs (operator) VALUES ($1) RETURNING id",
      [`${userInfo().username}@${hostname()} ${process.pid}`],
    );
    this.#run = rows[0]?.id ?? 0;
    await this.#client.query("SELECT pg_advisory_lock($1, $2)", [RUN_LOCK, this.#run]);
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  /** The topic's current epoch, with Kafka's id of the topic in it; undefined if no ingestor has ever seen the topic. */
  async readEpoch(topic: string): Promise<{ readonly id: number; readonly topicId: string | null } | undefined> {
    const { rows } = await this.#client.query<{ id: number; topicId: string | null }>(
      `SELECT id, topic_id AS "topicId" FROM epochs WHERE topic = $1 ORDER BY id DESC LIMIT 1`,
      [topic],
    );
    return rows[0];
  }

  /** Where each partition of an epoch has been ingested to. */
  async readPositions(epoch: number): Promise<readonly { readonly partition: number; readonly nextOffset: bigint }[]> {
    const { rows } = await this.#client.query<{ partition: number; next_offset: string }>(
      "SELECT partition, next_offset FROM positions WHERE epoch = $1",
      [epoch],
    );
    return rows.map(({ partition, next_offset }) => ({ partition, nextOffset: BigInt(next_offset) }));
  }

  /** Notes that these letters came by, and gives the names of those that had not come by before in this run. */
  async noteSeen(names: readonly ReplayName[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#client.query<ReplayName>(
      `INSERT INTO seen_letters SELECT * FROM unnest($1::text[], $2::int[])
       ON CONFLICT DO NOTHING RETURNING dlq_id AS id, replay`,
      arraysOf(names),
    );
    return new Set(rows.map(nameOf));
  }

  /** Of each of these letters, by the name of the bringing back that follows it: which one is next, and its row. */
  async findNext(names: readonly ReplayName[]): Promise<ReadonlyMap<string, NextReplay>> {
    const { rows } = await this.#client.query<FoundReplay>(
      `SELECT DISTINCT r.dlq_id AS id, r.replay, r.state, r.run,
         CASE WHEN r.state IN ('planned', 'gone') THEN r.value END AS value, r.edit,
         r.state = 'failed' AND r.value IS NOT NULL AND r.order_id IS NULL AS "isInVain"
       FROM unnest($1::text[], $2::int[]) AS wanted (id, replay)
       JOIN replays r ON r.dlq_id = wanted.id COLLATE "C" AND r.replay >= wanted.replay - 1`,
      arraysOf(names),
    );
    const found = new Map(rows.map((row) => [nameOf(row), row]));
    return new Map(names.map((name) => [nameOf(name), nextOf(name, found, this.#run)]));
  }

  /**
   * Takes over what runs that are dead have left unfinished; what such a run had sent will be told by this one.
   *
   * @returns the rows that Kafka may have or not
   */
  async adopt(): Promise<readonly UncertainReplay[]> {
    const { rows } = await this.#client.query<{ run: number }>(
      "SELECT DISTINCT run FROM replays WHERE state IN ('sending', 'sent') AND run <> $1",
      [this.#run],
    );
    for (const { run } of rows) await this.#takeOver(run);
    return this.#readUncertain();
  }

  /** Whoever has a run's lock knows that it is dead, and is alone with what it has left. */
  async #takeOver(run: number): Promise<void> {
    const lock = [RUN_LOCK, run];
    const { rows } = await this.#client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1, $2) AS taken", lock);
    if (!rows[0]?.taken) return;
    await this.#write("UPDATE replays SET run = $1 WHERE run = $2 AND state IN ('sending', 'sent')", [
      ...[this.#run, run],
    ]);
    await this.#client.query("SELECT pg_advisory_unlock($1, $2)", lock);
  }

  async #readUncertain(): Promise<readonly UncertainReplay[]> {
    const { rows } = await this.#client.query<Record<keyof UncertainReplay, never> & { searchFrom: string }>(
      `SELECT dlq_id AS id, replay, digest, epoch, partition, search_from AS "searchFrom"
       FROM replays WHERE state = 'sending' AND run = $1`,
      [this.#run],
    );
    return rows.map((row) => ({ ...row, searchFrom: BigInt(row.searchFrom) }));
  }

  /** Claims what nobody has claimed before, with the bytes to send. @returns the names of what is ours now */
  async claim(epoch: number, replays: readonly NewReplay[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#write<ReplayName>(
      `INSERT INTO replays
         (dlq_id, replay, state, run, epoch, first_failed_at, order_id, value, edit, digest, partition, search_from)
       SELECT id, replay, 'sending', $1, $2, first_failed_at::timestamptz, order_id, value, edit, digest, partition, search_from
       FROM unnest($3::text[], $4::int[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], $10::int[], $11::bigint[])
         AS claimed (id, replay, first_failed_at, order_id, value, edit, digest, partition, search_from)
       ORDER BY id, replay
       ON CONFLICT (dlq_id, replay) DO UPDATE SET
         state = 'sending', run = excluded.run, epoch = excluded.epoch, order_id = excluded.order_id,
         value = excluded.value, edit = excluded.edit, digest = excluded.digest, partition = excluded.partition,
         search_from = excluded.search_from, "offset" = NULL, claimed_at = now(), sent_at = NULL, told_at = NULL
       WHERE replays.state IN ('planned', 'gone')
       RETURNING dlq_id AS id, replay`,
      [
        ...[this.#run, epoch, ...arraysOf(replays)],
        textArray(replays.map(({ firstFailedAt }) => firstFailedAt.toISOString())),
        textArray(replays.map(({ orderId }) => orderId)),
        byteaArray(replays.map(({ mended }) => mended)),
        textArray(replays.map(({ edit }) => edit)),
        byteaArray(replays.map(({ digest }) => digest)),
        intArray(replays.map(({ partition }) => partition)),
        bigintArray(replays.map(({ searchFrom }) => searchFrom)),
      ],
    );
    return new Set(rows.map(nameOf));
  }

  /** Kafka has these, at these offsets. @throws if one of them is not in this run's hand */
  async markSent(replays: readonly SentReplay[]): Promise<void> {
    const { rowCount } = await this.#write(
      `UPDATE replays r SET state = 'sent', "offset" = s."offset", sent_at = now()
       FROM unnest($2::text[], $3::int[], $4::bigint[]) AS s (id, replay, "offset")
       WHERE r.dlq_id = s.id COLLATE "C" AND r.replay = s.replay AND r.run = $1 AND r.state = 'sending'`,
      [this.#run, ...arraysOf(replays), bigintArray(replays.map(({ offset }) => offset))],
    );
    assertAll(rowCount, replays, "sent");
  }

  /**
   * Kafka does not have these: they may be claimed again, with the same bytes unless they are mended in another way.
   *
   * @throws if one of them is not in this run's hand
   */
  async giveBack(replays: readonly ReplayName[]): Promise<void> {
    const { rowCount } = await this.#write(
      `UPDATE replays r SET state = 'planned' FROM unnest($2::text[], $3::int[]) AS s (id, replay)
       WHERE r.dlq_id = s.id COLLATE "C" AND r.replay = s.replay AND r.run = $1 AND r.state = 'sending'`,
      [this.#run, ...arraysOf(replays)],
    );
    assertAll(rowCount, replays, "given back");
  }

  /** Kafka does not take these bytes, today or ever: claimed again, they begin with those of the letter. @throws as above */
  async refuse(replays: readonly ReplayName[]): Promise<void> {
    const { rowCount } = await this.#write(
      `UPDATE replays r SET state = 'planned', value = NULL, edit = NULL FROM unnest($2::text[], $3::int[]) AS s (id, replay)
       WHERE r.dlq_id = s.id COLLATE "C" AND r.replay = s.replay AND r.run = $1 AND r.state = 'sending'`,
      [this.#run, ...arraysOf(replays)],
    );
    assertAll(rowCount, replays, "given back");
  }

  /**
   * Finds out what became of what was sent, as far as the positions have passed it: position, orders and outbox are
   * committed together. What is neither stored nor dead is a duplicate, if its order is there; else it never came in.
   *
   * @returns how many of this run are not told yet
   */
  async tellOutcomes(): Promise<number> {
    await this.#write(
      `UPDATE replays r SET told_at = now(), state = CASE
         WHEN p.next_offset <= r."offset" THEN 'gone'
         WHEN EXISTS (SELECT FROM orders o WHERE o.epoch = r.epoch AND o.partition = r.partition AND o."offset" = r."offset")
           THEN 'stored'
         WHEN EXISTS (SELECT FROM outbox o WHERE o.epoch = r.epoch AND o.partition = r.partition AND o."offset" = r."offset")
           THEN 'failed'
         WHEN EXISTS (SELECT FROM orders o WHERE o.id = r.order_id) THEN 'duplicate'
         ELSE 'gone' END
       FROM positions p JOIN epochs e ON e.id = p.epoch
       WHERE r.run = $1 AND r.state = 'sent' AND p.epoch = r.epoch AND p.partition = r.partition
         AND (p.next_offset > r."offset" OR EXISTS (SELECT FROM epochs later WHERE later.topic = e.topic AND later.id > e.id))`,
      [this.#run],
    );
    const { rows } = await this.#write<{ untold: number }>(
      "SELECT count(*)::int AS untold FROM replays WHERE run = $1 AND state = 'sent'",
      [this.#run],
    );
    return rows[0]?.untold ?? 0;
  }

  /** How many of this run there are of each state. */
  async countStates(): Promise<Readonly<Partial<Record<ReplayState, number>>>> {
    const { rows } = await this.#client.query<{ state: ReplayState; n: number }>(
      "SELECT state, count(*)::int AS n FROM replays WHERE run = $1 GROUP BY 1",
      [this.#run],
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }

  /** Those of this run that failed once more, with the first mistake, or that Kafka had lost; the first of them. */
  async listFailures(limit: number): Promise<readonly { id: string; failure: string }[]> {
    const { rows } = await this.#client.query<{ id: string; failure: string }>(
      `SELECT r.dlq_id AS id, coalesce(o.reason || ' ' || split_part(o.errors, E'\\n', 1), 'Kafka has lost it') AS failure
       FROM replays r LEFT JOIN outbox o
         ON o.epoch = r.epoch AND o.partition = r.partition AND o."offset" = r."offset"
       WHERE r.run = $1 AND r.state IN ('failed', 'gone') ORDER BY r.dlq_id LIMIT $2`,
      [this.#run, limit],
    );
    return rows;
  }

  /**
   * One statement, which is a transaction of its own. A claim locks also those rows that turn out to be another
   * operator's, while that one writes to them in another order: of such a deadlock one side has done nothing, and tries again.
   */
  async #write<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    for (let lost = 1; ; lost++) {
      try {
        return await this.#client.query<Row>(sql, [...values]);
      } catch (error) {
        if ((error as { readonly code?: string }).code !== DEADLOCK || lost === DEADLOCKS_TO_LOSE) throw error;
      }
    }
  }

  /** The session, for what else is asked of the database. */
  get client(): Pick<pg.Client, "query"> {
    return this.#client;
  }
}

export type ReplayState = "planned" | "sending" | "sent" | "stored" | "failed" | "duplicate" | "gone";

export interface KnownReplay {
  readonly state: ReplayState;
  /** The mended bytes; null if it was or is to be sent as it is. */
  readonly value: Buffer | null;
  /** The command that made them, or left them as they are. */
  readonly edit: string | null;
  /** Whether this run has it in hand. */
  readonly isOurs: boolean;
}

/** How a letter may be brought back. */
export interface NextReplay {
  readonly next: ReplayName;
  /** Its row, if there is one. */
  readonly known: KnownReplay | undefined;
  /** Whether the letter's own bytes are what was made of an earlier letter's, sent by force, and no order. */
  readonly isMadeInVain: boolean;
}

/** What is claimed, as it will be sent. */
export interface NewReplay extends ReplayName {
  readonly firstFailedAt: Date;
  /** Null for what is no valid order. */
  readonly orderId: string | null;
  /** Null for what is sent as it is. */
  readonly mended: Buffer | null;
  /** The command of --edit that made it so. */
  readonly edit: string | null;
  readonly digest: Buffer;
  readonly partition: number;
  readonly searchFrom: bigint;
}

/** A replay that Kafka may have or not. */
export interface UncertainReplay extends Pick<NewReplay, "id" | "replay" | "digest" | "partition" | "searchFrom"> {
  readonly epoch: number;
}

export interface SentReplay extends ReplayName {
  readonly offset: bigint;
}

const ANSWER_TIMEOUT_MS = 30_000;
const DEADLOCK = "40P01";
/** The server looks for a deadlock after a second; ten in a row are no chance. */
const DEADLOCKS_TO_LOSE = 10;
/** Any fixed number; this one spells "repl". The second number of the lock is the run's. */
export const RUN_LOCK = 0x7265706c;

/** A row of a letter that is asked about. */
interface FoundReplay extends ReplayName {
  readonly state: ReplayState;
  readonly run: number;
  readonly value: Buffer | null;
  readonly edit: string | null;
  readonly isInVain: boolean;
}

/** What --force and a bad --edit have sent was in vain: the letter that it was made of is brought back once more. */
function nextOf({ id, replay }: ReplayName, rows: ReadonlyMap<string, FoundReplay>, run: number): NextReplay {
  const rowOf = (number: number): FoundReplay | undefined => rows.get(nameOf({ id, replay: number }));
  let number = replay;
  while (rowOf(number)?.isInVain) number++;
  const row = rowOf(number);
  return {
    next: { id, replay: number },
    known: row && { state: row.state, value: row.value, edit: row.edit, isOurs: row.run === run },
    isMadeInVain: rowOf(replay - 1)?.isInVain ?? false,
  };
}

function arraysOf(names: readonly ReplayName[]): [Buffer, Buffer] {
  return [textArray(names.map(({ id }) => id)), intArray(names.map(({ replay }) => replay))];
}

/** What this run has in hand is nobody else's: a row that has moved means that two have sent it, or will. */
function assertAll(changed: number | null, named: readonly ReplayName[], what: string): void {
  if (changed === named.length) return;
  const ids = named.slice(0, 3).map(nameOf).join(", ");
  throw new Error(
    `the ledger has ${changed ?? 0} of ${named.length} replays in this run's hand to be ${what} (${ids} …)`,
  );
}
