import { copyOut } from "./copy-out";
import type { CopyRow } from "./copy-tuples";
import { type Connection, openConnection } from "./open-connection";
import type { Partition, Position } from "./order-channel";

/** An order on its way to a cache. The buffers are views into a passing chunk: copy them before the call returns. */
export interface PassingOrder {
  readonly id: string;
  /** The published bytes. */
  readonly document: Buffer;
  /** The document's digest, 32 bytes. */
  readonly sha256: Buffer;
}

/** A position, and how many seconds ago it moved, by the server's own clock. */
export interface AgedPosition extends Position {
  readonly ageSeconds: number;
}

/** Which rows to read: offsets `from` (inclusive) to `to` (exclusive), at most `limit` of them. */
export interface OrderRange {
  readonly partition: Partition;
  readonly from: bigint;
  readonly to: bigint;
  readonly limit: number;
  readonly newestFirst: boolean;
}

/** How many rows came, and the offset of the last; fewer rows than the limit mean that the range is exhausted. */
export interface RangeRead {
  readonly rows: number;
  readonly lastOffset: bigint | undefined;
}

/** What the reader's loop reads from: one connection, on which what a position promises can be seen. */
export interface OrderSource {
  readPositions(): Promise<readonly AgedPosition[]>;
  readOrders(range: OrderRange, onOrder: (order: PassingOrder) => void): Promise<RangeRead>;
  close(): Promise<void>;
}

/** A server that sends nothing for so long is frozen or gone: a socket that is half open raises no event. */
const SILENCE_TIMEOUT_MS = 5_000;

/** Two hundred of the usual orders, a millisecond: rows that wait in the socket would keep all requests waiting. */
const STRETCH_BYTES = 256 * 1_024;

/**
 * Opens the connection that orders are read on in bulk. Every error of its methods means that it is to be closed and
 * another one opened.
 *
 * Rows come by `COPY … (FORMAT binary)`, which is two to three times as fast as rows through `pg` and never turns a
 * document into a string.
 */
export async function connectOrderSource(databaseUrl: string): Promise<OrderSource> {
  const connection = await openConnection(databaseUrl, {
    name: "orders-reader-refresh",
    answerWithinMs: SILENCE_TIMEOUT_MS,
  });
  return {
    readPositions: () => readPositions(connection),
    readOrders: (range, onOrder) => readOrders(connection, range, onOrder),
    close: connection.close,
  };
}

async function readPositions({ ask }: Connection): Promise<readonly AgedPosition[]> {
  const rows = await ask<{ epoch: number; partition: number; next_offset: string; age: number }>(
    `SELECT "epoch", "partition", "next_offset",
            extract(epoch FROM clock_timestamp() - "updated_at")::float8 AS "age"
     FROM "positions" ORDER BY "epoch", "partition"`,
  );
  return rows.map(({ epoch, partition, next_offset, age }) => ({
    epoch,
    partition,
    nextOffset: BigInt(next_offset),
    ageSeconds: age,
  }));
}

async function readOrders(
  { client }: Connection,
  { partition: { epoch, partition }, from, to, limit, newestFirst }: OrderRange,
  onOrder: (order: PassingOrder) => void,
): Promise<RangeRead> {
  let rows = 0;
  let lastOffset: bigint | undefined;
  const onRow = (row: CopyRow): void => {
    const { bytes, starts, lengths } = row;
    if (lengths.length !== 4 || lengths.includes(-1)) throw new Error("a row of orders has a null");
    const [id = 0, document = 0, sha256 = 0, offset = 0] = starts;
    const [idBytes = 0, documentBytes = 0, sha256Bytes = 0] = lengths;
    rows += 1;
    lastOffset = bytes.readBigInt64BE(offset);
    onOrder({
      id: bytes.toString("utf8", id, id + idBytes),
      document: bytes.subarray(document, document + documentBytes),
      sha256: bytes.subarray(sha256, sha256 + sha256Bytes),
    });
  };
  // COPY takes no parameters. All of these are numbers, so they can stand in the text.
  await copyOut(
    client,
    `COPY (SELECT "id", "document", "sha256", "offset" FROM "orders"
           WHERE "epoch" = ${epoch} AND "partition" = ${partition} AND "offset" >= ${from} AND "offset" < ${to}
           ORDER BY "offset" ${newestFirst ? "DESC" : "ASC"} LIMIT ${limit})
     TO STDOUT (FORMAT binary)`,
    { onRow, stretchBytes: STRETCH_BYTES, silenceMs: SILENCE_TIMEOUT_MS },
  );
  return { rows, lastOffset };
}
