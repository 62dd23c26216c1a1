import { hash } from "node:crypto";
import { deadLetterId } from "../../ingestor/dead-letter";
import { type AcceptedRecord, isAccepted, type JudgedRecord } from "../../ingestor/judged-record";
import type { Difference, DifferenceKind } from "./differences";

/** An order, as far as the audit needs it; digests are SHA-256, 32 bytes. */
export interface StoredRow {
  readonly offset: bigint;
  readonly id: string;
  /** What the row says of its document. */
  readonly sha256: Buffer;
  /** What the document has. */
  readonly documentDigest: Buffer;
}

/** A row of the outbox, as far as the audit needs it; null where the record had no key or value. */
export interface DeadRow {
  readonly offset: bigint;
  readonly lastOffset: bigint;
  readonly recordCount: number;
  readonly reason: string;
  readonly keyDigest: Buffer | null;
  readonly valueDigest: Buffer | null;
  readonly headersDigest: Buffer;
  readonly timestamp: bigint;
}

export interface RangeComparison {
  readonly stored: number;
  readonly dead: number;
  /** Neither stored nor dead-lettered: duplicates, or lost. */
  readonly others: readonly AcceptedRecord[];
  /** Dead-lettered because another order has their id, as the outbox says. */
  readonly conflicts: readonly AcceptedRecord[];
  readonly differences: readonly Difference[];
}

/**
 * Compares the records of a range of offsets with the rows that PostgreSQL has for the same range, both ways. Pure.
 *
 * @param place the partition, for naming what differs
 * @param records every record of the range
 * @param orders every row of `orders` of the range
 * @param dead every row of `outbox` of the range
 */
export function compareRange(
  place: { readonly topic: string; readonly epoch: number; readonly partition: number },
  records: readonly JudgedRecord[],
  orders: readonly StoredRow[],
  dead: readonly DeadRow[],
): RangeComparison {
  const storedRows = new Map(orders.map((row) => [row.offset, row]));
  // A batch that could not be decoded is told from its position on, which may have been inside: its end is certain.
  const deadRows = new Map(dead.map((row) => [row.lastOffset, row]));
  const others: AcceptedRecord[] = [];
  const conflicts: AcceptedRecord[] = [];
  const differences: Difference[] = [];
  const tell = (kind: DifferenceKind, offset: bigint, detail: string): void => {
    differences.push({ kind, at: deadLetterId({ ...place, offset }), detail });
  };
  let storedCount = 0;
  let deadCount = 0;

  for (const record of records) {
    const stored = storedRows.get(record.offset);
    const deadRow = deadRows.get(record.lastOffset);
    if (stored) storedRows.delete(record.offset);
    if (deadRow) deadRows.delete(record.lastOffset);
    if (stored && deadRow) tell("twice", record.offset, "the record is stored and in the outbox");
    if (stored) {
      storedCount++;
      const mistake = findStoredMistake(record, stored);
      if (mistake) tell("altered", record.offset, mistake);
    } else if (deadRow) {
      deadCount += deadRow.recordCount;
      const parts = findAlteredParts(record, deadRow);
      if (parts.length > 0)
        tell("altered", record.offset, `the outbox has another ${parts.join(", ")} than the record`);
      const mistake = findReasonMistake(record, deadRow);
      if (mistake) tell("altered", record.offset, mistake);
      if (isAccepted(record) && deadRow.reason === "conflict") conflicts.push(record);
    } else if (isAccepted(record)) {
      others.push(record);
    } else {
      tell("lost", record.offset, "neither a valid order nor in the outbox");
    }
  }
  for (const { offset } of storedRows.values()) tell("unfounded", offset, "an order without a record");
  for (const { offset } of deadRows.values()) tell("unfounded", offset, "a row of the outbox without a record");
  return { stored: storedCount, dead: deadCount, others, conflicts, differences };
}

function findStoredMistake({ verdict, value }: JudgedRecord, row: StoredRow): string | undefined {
  const digest = verdict.kind === "accepted" ? verdict.sha256 : digestOf(value);
  if (!isSame(digest, row.documentDigest)) return "the stored document is not the record's value, byte for byte";
  if (!row.sha256.equals(row.documentDigest)) return "the row's sha256 is not its document's";
  if (verdict.kind === "accepted" && verdict.id !== row.id) return "the row's id is not the document's order_uid";
  return undefined;
}

/** What the judge of today says; that storing or judging it failed (`unstorable`, `crash`) has to be believed. */
function findReasonMistake({ verdict }: JudgedRecord, { reason }: DeadRow): string | undefined {
  if (reason === "crash") return undefined;
  if (verdict.kind === "rejected") {
    return reason === verdict.reason ? undefined : `the outbox says ${reason}, and it is a matter of ${verdict.reason}`;
  }
  return reason === "conflict" || reason === "unstorable"
    ? undefined
    : `the outbox says ${reason}, and the record is a valid order`;
}

function findAlteredParts(record: JudgedRecord, row: DeadRow): string[] {
  const parts = {
    range: row.offset >= record.offset && row.offset <= row.lastOffset && row.recordCount === record.recordCount,
    key: isSame(digestOf(record.key), row.keyDigest),
    value: isSame(digestOf(record.value), row.valueDigest),
    headers: isSame(digestOf(record.headerBytes), row.headersDigest),
    timestamp: record.timestamp === row.timestamp,
  };
  return Object.entries(parts).flatMap(([name, isRight]) => (isRight ? [] : [name]));
}

/** SHA-256, or null for null, as PostgreSQL's `sha256` has it. */
export function digestOf(bytes: Uint8Array | null): Buffer | null {
  return bytes && hash("sha256", bytes, "buffer");
}

export function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
