/**
 * The wire between the two processes, in one place for both ends: the ingestor writes positions, orders and a notice in
 * one transaction; the reader reads them. The tables are the truth; the notice only says that it is worth looking.
 */

/** A partition of a topic in one of the topic's lives. Its text form is the key of a cursor. */
export interface Partition {
  readonly epoch: number;
  readonly partition: number;
}

/** Where a partition's next record is: every record before `nextOffset` has been ingested and committed. */
export interface Position extends Partition {
  readonly nextOffset: bigint;
}

/** How far somebody has read: the next offset of each partition, by `partitionKey`. */
export type Cursor = ReadonlyMap<string, bigint>;

/** A partition as text, `epoch:partition`. */
export function partitionKey({ epoch, partition }: Partition): string {
  return `${epoch}:${partition}`;
}

/** The channel of LISTEN and NOTIFY. Its name stands in SQL as it is: lower case, no quotes needed. */
export const ORDERS_CHANNEL = "orders_positions";

/** The payload of a notice, for people who listen: the position that has just been committed, far below NOTIFY's limit of 7,999 bytes. */
export function encodeNotice({ epoch, partition, nextOffset }: Position): string {
  return `${epoch}:${partition}:${nextOffset}`;
}

/** Ranges of offsets that were committed after a cursor was taken, and partitions that went back behind it. */
export interface CursorGap {
  /** Rows to read: `from` (inclusive) to `to` (exclusive). */
  readonly ahead: readonly { readonly partition: Partition; readonly from: bigint; readonly to: bigint }[];
  /** Positions below the cursor: the database was restored from an older copy. */
  readonly behind: readonly Position[];
}

/** Compares the committed positions with a cursor. A partition that the cursor does not know is read from offset 0. */
export function compareWithCursor(cursor: Cursor, positions: readonly Position[]): CursorGap {
  const ahead: CursorGap["ahead"][number][] = [];
  const behind: Position[] = [];
  for (const position of positions) {
    const from = cursor.get(partitionKey(position)) ?? 0n;
    if (position.nextOffset > from) ahead.push({ partition: position, from, to: position.nextOffset });
    if (position.nextOffset < from) behind.push(position);
  }
  return { ahead, behind };
}
