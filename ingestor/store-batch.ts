import { type Prisma, type PrismaTransaction, TRANSACTION_PATIENCE } from "../prisma/client";
import { encodeNotice, ORDERS_CHANNEL, type Partition, type Position } from "../prisma/order-channel";
import { ParkedBytes } from "../prisma/parked-bytes";
import { findConflicts } from "./find-conflicts";
import { findReplays } from "./find-replays";
import { type AcceptedRecord, digestOf, isAccepted, type JudgedRecord, type RejectedRecord } from "./judged-record";
import { bigintArray, byteaArray, intArray, textArray } from "./pg-array";

/** Records of one partition, in the order of their offsets, and the positions before and after them. */
export interface Batch {
  readonly topic: string;
  readonly partition: Partition;
  /** Where the ingestor believes the partition to be. */
  readonly from: bigint;
  /** Where it will be afterwards: the offset after the last record and whatever follows it that is none. */
  readonly to: bigint;
  readonly records: readonly JudgedRecord[];
}

/** The last of these records, to be recognised when the partition is opened again. */
export function lastRecordOf(records: readonly JudgedRecord[]): LastRecord | undefined {
  const last = records.at(-1);
  // A batch that could not be decoded has no record to be recognised by.
  if (!last || last.lastOffset !== last.offset) return undefined;
  return { offset: last.offset, digest: digestOf({ ...last, timestamp: last.timestamp.toString() }) };
}

/** By what a position knows the record before it. */
export interface LastRecord {
  readonly offset: bigint;
  readonly digest: Buffer;
}

export type StoreResult =
  | {
      readonly kind: "stored";
      readonly stored: number;
      readonly duplicate: number;
      readonly dead: number;
      /** Rows of the outbox that were made, to be delivered. */
      readonly outboxIds: readonly bigint[];
    }
  /** Nothing was written: the position is not where the ingestor believed. Undefined: there is no position any more. */
  | { readonly kind: "moved"; readonly nextOffset: bigint | undefined };

/**
 * Stores a batch in one transaction: the orders, the outbox rows of what is none, the counters and the position, with a
 * notice to the readers. Either all of it is committed or nothing.
 *
 * The position is locked and compared first, so a record that Kafka delivers twice, or to two ingestors, is written
 * once; and within a partition commit order is offset order, which the readers' cursor relies on.
 *
 * @throws whatever the database says; failure.ts tells what it means. After an error at commit the outcome is unknown:
 *   store the batch again, and `moved` to its end says that it had been committed.
 */
export async function storeBatch(prisma: Prisma, batch: Batch): Promise<StoreResult> {
  const bytes = new ParkedBytes();
  try {
    return await prisma.$transaction((tx) => storeIn({ tx, bytes }, batch), TRANSACTION_PATIENCE);
  } finally {
    bytes.release();
  }
}

/** A transaction, and the way around Prisma's JSON for its Buffers. */
interface BatchTransaction {
  readonly tx: PrismaTransaction;
  readonly bytes: ParkedBytes;
}

async function storeIn(transaction: BatchTransaction, batch: Batch): Promise<StoreResult> {
  const { tx } = transaction;
  const nextOffset = await lockPosition(tx, batch);
  if (nextOffset !== batch.from) return { kind: "moved", nextOffset };

  const accepted = batch.records.filter(isAccepted);
  const rejected = batch.records.filter((record): record is RejectedRecord => !isAccepted(record));
  const { stored, conflicts } = await storeOrders(transaction, batch.partition, accepted);
  const dead = [...rejected, ...conflicts];
  const outboxIds = await putIntoOutbox(transaction, batch, dead);
  const deadCount = dead.reduce((sum, { recordCount }) => sum + recordCount, 0);
  const counts = { stored, duplicate: accepted.length - stored - conflicts.length, dead: deadCount };
  await advancePosition(transaction, batch, counts);
  return { kind: "stored", ...counts, outboxIds };
}

/** The position, locked; undefined if there is none, or if the topic has begun a new epoch since. */
async function lockPosition(tx: PrismaTransaction, { topic, partition }: Batch): Promise<bigint | undefined> {
  const rows = await tx.$queryRaw<{ next_offset: bigint }[]>`
    SELECT next_offset FROM positions
    WHERE epoch = ${partition.epoch} AND partition = ${partition.partition}
      AND epoch = (SELECT max(id) FROM epochs WHERE topic = ${topic})
    FOR UPDATE`;
  return rows[0]?.next_offset;
}

/** Inserts the orders whose ids are not taken; every other record is a duplicate or a conflict. */
async function storeOrders(
  { tx, bytes }: BatchTransaction,
  partition: Partition,
  accepted: readonly AcceptedRecord[],
): Promise<{ stored: number; conflicts: RejectedRecord[] }> {
  if (accepted.length === 0) return { stored: 0, conflicts: [] };
  // Everybody inserts in the same order of ids, or two ingestors with overlapping batches would deadlock. Of two
  // records with one id the first wins, as it would in two batches.
  const inIdOrder = accepted.toSorted((a, b) => compare(a.verdict.id, b.verdict.id) || compare(a.offset, b.offset));
  const stored = await tx.$executeRaw`
    INSERT INTO orders (id, document, sha256, epoch, partition, "offset")
    SELECT id, document, sha256, ${partition.epoch}, ${partition.partition}, "offset"
    FROM unnest(
      ${bytes.park(textArray(inIdOrder.map(({ verdict }) => verdict.id)))}::text[],
      ${bytes.park(textArray(inIdOrder.map(({ verdict }) => verdict.document)))}::text[],
      ${bytes.park(byteaArray(inIdOrder.map(({ verdict }) => verdict.sha256)))}::bytea[],
      ${bytes.park(bigintArray(inIdOrder.map(({ offset }) => offset)))}::bigint[]
    ) AS batch (id, document, sha256, "offset")
    ON CONFLICT (id) DO NOTHING`;
  const conflicts = stored === accepted.length ? [] : await findConflicts({ tx, bytes }, partition, inIdOrder);
  return { stored, conflicts };
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function putIntoOutbox(
  { tx, bytes }: BatchTransaction,
  batch: Batch,
  dead: readonly RejectedRecord[],
): Promise<bigint[]> {
  if (dead.length === 0) return [];
  const { epoch, partition } = batch.partition;
  const replays = await findReplays(tx, bytes, dead);
  // One text: a row for each id would cost as much as writing it.
  const [made] = await tx.$queryRaw<{ ids: string }[]>`
    WITH made AS (
      INSERT INTO outbox
        (epoch, partition, topic, "offset", last_offset, record_count, reason, errors, key, value, headers, "timestamp",
         dlq_id, replays, first_failed_at)
      SELECT ${epoch}, ${partition}, ${batch.topic}, dead.* FROM unnest(
        ${bytes.park(bigintArray(dead.map(({ offset }) => offset)))}::bigint[],
        ${bytes.park(bigintArray(dead.map(({ lastOffset }) => lastOffset)))}::bigint[],
        ${bytes.park(intArray(dead.map(({ recordCount }) => recordCount)))}::int[],
        ${bytes.park(textArray(dead.map(({ verdict }) => verdict.reason)))}::text[],
        ${bytes.park(textArray(dead.map(({ verdict }) => withoutNul(verdict.errors.join("\n")))))}::text[],
        ${bytes.park(byteaArray(dead.map(({ key }) => key)))}::bytea[],
        ${bytes.park(byteaArray(dead.map(({ value }) => value)))}::bytea[],
        ${bytes.park(byteaArray(dead.map(({ headerBytes }) => headerBytes)))}::bytea[],
        ${bytes.park(bigintArray(dead.map(({ timestamp }) => timestamp)))}::bigint[],
        ${bytes.park(textArray(dead.map((record) => replays.get(record)?.id ?? null)))}::text[],
        ${bytes.park(intArray(dead.map((record) => replays.get(record)?.replay ?? 0)))}::int[],
        ${bytes.park(textArray(dead.map((record) => replays.get(record)?.firstFailedAt ?? null)))}::text[]::timestamptz[]
      ) AS dead
      RETURNING id
    )
    SELECT string_agg(id::text, ',' ORDER BY id) AS ids FROM made`;
  return made?.ids.split(",").map(BigInt) ?? [];
}

/** A path may repeat a key of the document, and PostgreSQL's text cannot hold U+0000. */
function withoutNul(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}

async function advancePosition(
  { tx, bytes }: BatchTransaction,
  batch: Batch,
  { stored, duplicate, dead }: { stored: number; duplicate: number; dead: number },
): Promise<void> {
  const position: Position = { ...batch.partition, nextOffset: batch.to };
  const last = lastRecordOf(batch.records);
  await tx.$queryRaw`
    WITH advanced AS (
      UPDATE positions SET
        next_offset = ${position.nextOffset},
        received = received + ${stored + duplicate + dead},
        stored = stored + ${stored}, duplicate = duplicate + ${duplicate}, dead = dead + ${dead},
        last_offset = ${last?.offset ?? null}::bigint,
        last_digest = ${last ? bytes.park(last.digest) : null}::bytea,
        unfinished_starts = 0, updated_at = now()
      WHERE epoch = ${position.epoch} AND partition = ${position.partition}
      RETURNING 1
    )
    SELECT pg_notify(${ORDERS_CHANNEL}, ${encodeNotice(position)})::text FROM advanced`;
}
