import { copyOut } from "./copy-out";
import type { CopyRow } from "./copy-tuples";
import { DIGEST_BYTES, LAID_COLUMNS, type LaidOrder } from "./laid-order";
import { type Connection, openConnection } from "./open-connection";
import type { Partition, Position } from "./order-channel";

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
  /** @param onOrder is given the same object for every order, in bytes that pass: take what is needed before it returns */
  readOrders(range: OrderRange, onOrder: (order: LaidOrder) => void): Promise<RangeRead>;
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

/** Asked twice a second, for ever: with a name the server prepares it once on each connection. */
const POSITIONS = {
  name: "positions",
  text: `SELECT "epoch", "partition", "next_offset",
                extract(epoch FROM clock_timestamp() - "updated_at")::float8 AS "age"
         FROM "positions" ORDER BY "epoch", "partition"`,
} as const;

async function readPositions({ ask }: Connection): Promise<readonly AgedPosition[]> {
  const rows = await ask<{ epoch: number; partition: number; next_offset: string; age: number }>(POSITIONS);
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
  onOrder: (order: LaidOrder) => void,
): Promise<RangeRead> {
  let rows = 0;
  // Two numbers: a bigint for each row would be garbage.
  let lastHigh = 0;
  let lastLow = 0;
  const order: { -readonly [Field in keyof LaidOrder]: LaidOrder[Field] } = { bytes: Buffer.alloc(0), from: 0, to: 0 };
  const onRow = ({ bytes, starts, lengths }: CopyRow): void => {
    const isWhole = lengths.length === 4 && lengths[0] === DIGEST_BYTES && !lengths.includes(-1);
    if (!isWhole) throw new Error("a row of orders has a null, or a digest that is none");
    rows += 1;
    order.bytes = bytes;
    order.from = starts[0] as number;
    order.to = (starts[2] as number) + (lengths[2] as number);
    lastHigh = bytes.readInt32BE(starts[3]);
    lastLow = bytes.readUInt32BE((starts[3] as number) + 4);
    onOrder(order);
  };
  // COPY takes no parameters. All of these are numbers, so they can stand in the text.
  await copyOut(
    client,
    `COPY (SELECT ${LAID_COLUMNS}, "offset" FROM "orders"
           WHERE "epoch" = ${epoch} AND "partition" = ${partition} AND "offset" >= ${from} AND "offset" < ${to}
           ORDER BY "offset" ${newestFirst ? "DESC" : "ASC"} LIMIT ${limit})
     TO STDOUT (FORMAT binary)`,
    { onRow, stretchBytes: STRETCH_BYTES, silenceMs: SILENCE_TIMEOUT_MS },
  );
  return { rows, lastOffset: rows > 0 ? (BigInt(lastHigh) << 32n) + BigInt(lastLow) : undefined };
}
