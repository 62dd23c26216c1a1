import type pg from "pg";
import type { AcceptedRecord } from "../../ingestor/judged-record";
import { byteaArray, textArray } from "../../ingestor/pg-array";
import type { LastRecord } from "../../ingestor/store-batch";
import { SteadyClient } from "../../prisma/steady-client";
import type { DeadRow, StoredRow } from "./compare-range";

/** What PostgreSQL says of a partition: its position, and the rows that it rests on, all of one moment. */
export interface PartitionBooks {
  readonly epoch: number;
  readonly partition: number;
  /** Undefined: there are rows of the partition, and no position. */
  readonly counters: Counters | undefined;
  readonly orders: bigint;
  /** Records that the outbox stands for. */
  readonly dead: bigint;
  /** The highest offset of any row; -1 without rows. */
  readonly lastOffset: bigint;
}

export interface Counters {
  readonly nextOffset: bigint;
  readonly received: bigint;
  readonly stored: bigint;
  readonly duplicate: bigint;
  readonly dead: bigint;
  readonly gap: bigint;
  /** By what the position knows the record before it. */
  readonly lastRecord: LastRecord | undefined;
}

/** How far the topic that Kafka has now was ingested. */
export interface CurrentLife {
  readonly epoch: number | undefined;
  /** The last life, where the topic was made anew since and no ingestor has begun the next one yet. */
  readonly endedEpoch: number | undefined;
  readonly nextOffsets: ReadonlyMap<number, bigint>;
}

interface LifeRow {
  readonly epoch: number;
  readonly topic_id: string | null;
  readonly partition: number | null;
  readonly next_offset: string;
}

/** A dead letter that was brought back, by its new place. */
export interface ReplayRow {
  readonly id: string;
  readonly replay: number;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly state: string;
  /** Of key and value, as they were sent. */
  readonly digest: Buffer;
}

export interface UndeliveredRow {
  readonly id: number;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly refusal: string | null;
  readonly ageSeconds: number;
}

/** A row of the outbox, delivered or not. */
export interface OutboxEntry extends Omit<UndeliveredRow, "ageSeconds"> {
  readonly failedAt: Date;
}

interface OffsetRange {
  readonly epoch: number;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Postgres's side of the audit: one connection, read only. Documents stay there; what travels is their digests. */
export class Ledger {
  readonly #client: pg.Client;

  constructor(databaseUrl: string) {
    this.#client = new SteadyClient({
      connectionString: databaseUrl,
      application_name: "orders-audit",
      connectionTimeoutMillis: 10_000,
      options: "-c default_transaction_read_only=on",
    });
  }

  connect(): Promise<void> {
    return this.#client.connect().then(() => {});
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  /** Every partition of every life of the topic, in one snapshot. */
  async readBooks(topic: string): Promise<PartitionBooks[]> {
    const { rows } = await this.#client.query(
      `WITH p AS (SELECT positions.* FROM positions JOIN epochs ON id = epoch WHERE topic = $1),
         o AS (SELECT epoch, partition, count(*) AS n, max("offset") AS last FROM orders GROUP BY 1, 2),
         d AS (SELECT epoch, partition, sum(record_count) AS n, max(last_offset) AS last
               FROM outbox WHERE topic = $1 GROUP BY 1, 2)
       SELECT epoch, partition, next_offset, received, stored, duplicate, dead, gap, last_offset, last_digest,
         coalesce(o.n, 0) AS orders, coalesce(d.n, 0) AS letters, greatest(o.last, d.last, -1) AS last
       FROM p FULL JOIN o USING (epoch, partition) FULL JOIN d USING (epoch, partition)
       WHERE NOT EXISTS (SELECT FROM epochs WHERE id = epoch AND topic <> $1)
       ORDER BY epoch, partition`,
      [topic],
    );
    return rows.map((row) => ({
      epoch: row.epoch,
      partition: row.partition,
      counters:
        row.next_offset === null
          ? undefined
          : {
              nextOffset: BigInt(row.next_offset),
              received: BigInt(row.received),
              stored: BigInt(row.stored),
              duplicate: BigInt(row.duplicate),
              dead: BigInt(row.dead),
              gap: BigInt(row.gap),
              lastRecord:
                row.last_offset === null || row.last_digest === null
                  ? undefined
                  : { offset: BigInt(row.last_offset), digest: row.last_digest },
            },
      orders: BigInt(row.orders),
      dead: BigInt(row.letters),
      lastOffset: BigInt(row.last),
    }));
  }

  /** When this database first saw the topic. */
  async readBirth(topic: string): Promise<Date | undefined> {
    const { rows } = await this.#client.query<{ birth: Date | null }>(
      "SELECT min(started_at) AS birth FROM epochs WHERE topic = $1",
      [topic],
    );
    return rows[0]?.birth ?? undefined;
  }

  /**
   * The positions of the topic's current life, by partition, and its number; undefined before the first one.
   *
   * @param topicId Kafka's id of the topic; a life that PostgreSQL knows by another one is over: it has no positions
   */
  async readPositions(topic: string, topicId?: string): Promise<CurrentLife> {
    const { rows } = await this.#client.query<LifeRow>(
      `SELECT id AS epoch, topic_id, partition, next_offset FROM epochs LEFT JOIN positions ON epoch = id
       WHERE id = (SELECT max(id) FROM epochs WHERE topic = $1)`,
      [topic],
    );
    const [row] = rows;
    if (row?.topic_id && topicId !== undefined && row.topic_id !== topicId) {
      return { epoch: undefined, endedEpoch: row.epoch, nextOffsets: new Map() };
    }
    const positions = rows.flatMap(({ partition, next_offset }) =>
      partition === null ? [] : [[partition, BigInt(next_offset)] as const],
    );
    return { epoch: row?.epoch, endedEpoch: undefined, nextOffsets: new Map(positions) };
  }

  /** Rows of the outbox that are not delivered, refused ones among them. */
  async readUndelivered(topic: string): Promise<UndeliveredRow[]> {
    const { rows } = await this.#client.query(
      `SELECT id, epoch, partition, "offset", refusal, extract(epoch FROM now() - failed_at)::float8 AS age
       FROM outbox_undelivered JOIN outbox USING (id) WHERE topic = $1 ORDER BY id`,
      [topic],
    );
    return rows.map(({ id, epoch, partition, offset, refusal, age }) => ({
      ...{ id: Number(id), epoch, partition, offset: BigInt(offset), refusal },
      ageSeconds: age,
    }));
  }

  async readOrders({ epoch, partition, from, to }: OffsetRange): Promise<StoredRow[]> {
    const { rows } = await this.#client.query(
      `SELECT "offset", id, sha256, sha256(convert_to(document, 'UTF8')) AS digest FROM orders
       WHERE epoch = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4`,
      [epoch, partition, from.toString(), to.toString()],
    );
    return rows.map(({ offset, id, sha256, digest }) => ({
      ...{ offset: BigInt(offset), id, sha256 },
      documentDigest: digest,
    }));
  }

  async readDead({ epoch, partition, from, to }: OffsetRange): Promise<DeadRow[]> {
    const { rows } = await this.#client.query(
      `SELECT "offset", last_offset, record_count, reason, "timestamp",
         sha256(key) AS key, sha256(value) AS value, sha256(headers) AS headers FROM outbox
       WHERE epoch = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4`,
      [epoch, partition, from.toString(), to.toString()],
    );
    return rows.map((row) => ({
      offset: BigInt(row.offset),
      lastOffset: BigInt(row.last_offset),
      recordCount: row.record_count,
      reason: row.reason,
      keyDigest: row.key,
      valueDigest: row.value,
      headersDigest: row.headers,
      timestamp: BigInt(row.timestamp),
    }));
  }

  /** The dead letters that were brought back to these offsets, and were not lost there. */
  async readReplays({ epoch, partition, from, to }: OffsetRange): Promise<ReplayRow[]> {
    const { rows } = await this.#client.query(
      `SELECT ${REPLAY_COLUMNS} FROM replays r
       WHERE epoch = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 AND state <> 'gone'`,
      [epoch, partition, from.toString(), to.toString()],
    );
    return rows.map(asReplay);
  }

  /** The rows of the replays' ledger whose outcome is not what the orders, the outbox and the positions say. */
  async findFalseOutcomes(topic: string): Promise<ReplayRow[]> {
    const { rows } = await this.#client.query(
      `SELECT ${REPLAY_COLUMNS} FROM replays r JOIN epochs e ON e.id = r.epoch AND e.topic = $1
       WHERE r.state IN ('stored', 'failed', 'duplicate') AND (
         NOT EXISTS (SELECT FROM positions p
                     WHERE p.epoch = r.epoch AND p.partition = r.partition AND p.next_offset > r."offset")
         OR (r.state = 'stored') <> EXISTS (SELECT FROM orders o
              WHERE o.epoch = r.epoch AND o.partition = r.partition AND o."offset" = r."offset")
         OR (r.state = 'failed') <> EXISTS (SELECT FROM outbox o
              WHERE o.epoch = r.epoch AND o.partition = r.partition AND o."offset" = r."offset"))
       ORDER BY r.dlq_id, r.replay`,
      [topic],
    );
    return rows.map(asReplay);
  }

  /**
   * For each record, in their order, whether the order that is stored under its id has the same meaning: the same
   * bytes, or equal as `jsonb`, as the ingestor decides it.
   */
  async compareMeanings(records: readonly AcceptedRecord[]): Promise<("same" | "other" | "absent")[]> {
    if (records.length === 0) return [];
    const { rows } = await this.#client.query<{ is_same: boolean | null }>(
      `SELECT sha256(convert_to(document, 'UTF8')) = batch.digest AS is_same
       FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS batch (id, digest, n)
       LEFT JOIN orders ON orders.id = batch.id COLLATE "C" ORDER BY n`,
      [textArray(records.map(({ verdict }) => verdict.id)), byteaArray(records.map(({ verdict }) => verdict.sha256))],
    );
    const meanings: ("same" | "other" | "absent")[] = [];
    for (const [index, { is_same }] of rows.entries()) {
      const record = records[index];
      if (is_same === null || !record) meanings.push("absent");
      else meanings.push(is_same || (await this.#hasSameMeaning(record)) ? "same" : "other");
    }
    return meanings;
  }

  /** By the same function that the ingestor asks. */
  async #hasSameMeaning({ verdict: { id, document } }: AcceptedRecord): Promise<boolean> {
    const { rows } = await this.#client.query<{ is_same: boolean }>(
      `SELECT same_meaning(document, convert_from($2::bytea, 'UTF8')) AS is_same FROM orders WHERE id = $1`,
      [id, document],
    );
    return rows[0]?.is_same ?? false;
  }

  /** The rows of the outbox for records of any life of the topic, with digests in place of key and value. */
  async findLetterRows(
    topic: string,
    records: readonly { readonly partition: number; readonly offset: bigint }[],
  ): Promise<{ id: bigint; key: Buffer | null; value: Buffer | null }[]> {
    const { rows } = await this.#client.query(
      `SELECT o.id, sha256(o.key) AS key, sha256(o.value) AS value
       FROM (SELECT DISTINCT * FROM unnest($2::int[], $3::bigint[])) AS letter (partition, "offset")
       CROSS JOIN (SELECT id FROM epochs WHERE topic = $1) AS e
       JOIN outbox o ON o.epoch = e.id AND o.partition = letter.partition AND o."offset" = letter."offset"`,
      [topic, records.map(({ partition }) => partition), records.map(({ offset }) => offset.toString())],
    );
    return rows.map(({ id, key, value }) => ({ id: BigInt(id), key, value }));
  }

  /** The topic's rows of the outbox in the order of their ids, a page at a time. */
  async *readOutboxIds(topic: string): AsyncGenerator<OutboxEntry> {
    const pageRows = 10_000;
    let last = "0";
    for (;;) {
      const { rows } = await this.#client.query(
        `SELECT id, epoch, partition, "offset", refusal, failed_at FROM outbox LEFT JOIN outbox_undelivered USING (id)
         WHERE id > $1 AND topic = $2 ORDER BY id LIMIT ${pageRows}`,
        [last, topic],
      );
      for (const { id, epoch, partition, offset, refusal, failed_at } of rows) {
        last = id;
        yield { id: Number(id), epoch, partition, offset: BigInt(offset), refusal, failedAt: failed_at };
      }
      if (rows.length < pageRows) return;
    }
  }
}

const REPLAY_COLUMNS = 'r.dlq_id, r.replay, r.epoch, r.partition, r."offset", r.state, r.digest';

type ReplayColumns = Omit<ReplayRow, "id" | "offset"> & { readonly dlq_id: string; readonly offset: string };

function asReplay({ dlq_id, offset, ...row }: ReplayColumns): ReplayRow {
  return { ...row, id: dlq_id, offset: BigInt(offset) };
}
