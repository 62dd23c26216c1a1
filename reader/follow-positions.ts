import type { LaidOrder } from "../prisma/laid-order";
import { compareWithCursor, type Partition, type Position, partitionKey } from "../prisma/order-channel";
import type { AgedPosition, OrderSource } from "../prisma/read-orders";
import type { Log } from "../runtime/log";
import type { OrderCache } from "./order-cache";

/**
 * What a cursor is for: it knows up to where the orders of each partition have been read, and reads what was committed
 * since. The connection comes from outside and may be another one each time; nothing is lost with it.
 *
 * - Before `fill` is through, the cursor is empty. `fill` reads newest first until there is no more or the cache is full;
 *   called again after an error, it goes on where it was. At its end the cursor becomes the positions that were read
 *   *before* the rows.
 * - From then on `catchUp` reads the rows between the cursor and the positions, oldest first, and moves the cursor with
 *   each page. A position *below* the cursor means that the database was put back to an older copy: the cursor goes
 *   back to it, loudly, and what is kept stays, because orders never change and the ingestor stores them again.
 */
export interface Follower {
  readonly isFilled: boolean;
  /** Orders that have come this way. */
  readonly orders: number;
  /** Offsets that are still to be read, of those that the positions read last have shown. */
  readonly behind: number;
  fill(source: OrderSource, signal: AbortSignal): Promise<void>;
  catchUp(source: OrderSource, signal: AbortSignal): Promise<void>;
}

export interface FollowerOptions {
  readonly cache: OrderCache;
  readonly log: Log;
  /** Told for each partition that had moved: seconds from the position's move to its orders being readable here. */
  readonly onFreshness: (seconds: number) => void;
  /** Rows of one question. Rows stream, so this bounds not memory but what is read twice after a lost connection. */
  readonly pageRows: number;
}

/** A part of a partition that is still to be read, from `to` downwards. */
interface Backlog {
  readonly partition: Partition;
  readonly to: bigint;
}

export function createFollower({ cache, log, onFreshness, pageRows }: FollowerOptions): Follower {
  const cursor = new Map<string, bigint>();
  let filling: { readonly goal: readonly Position[]; backlog: readonly Backlog[] } | undefined;
  let isFilled = false;
  let orders = 0;
  let behind = 0n;

  const fill = async (source: OrderSource, signal: AbortSignal): Promise<void> => {
    if (!filling) {
      const goal = await source.readPositions();
      filling = { goal, backlog: goal.map((position) => ({ partition: position, to: position.nextOffset })) };
    }
    while (filling.backlog.length > 0) {
      if (signal.aborted) return;
      behind = filling.backlog.reduce((sum, { to }) => sum + to, 0n);
      filling.backlog = await fillPage(source, filling.backlog);
    }
    behind = 0n;
    for (const position of filling.goal) cursor.set(partitionKey(position), position.nextOffset);
    isFilled = true;
  };

  /** Reads one page and gives back what then remains: the partitions of the newest epoch in turns, then older epochs. */
  const fillPage = async (source: OrderSource, backlog: readonly Backlog[]): Promise<readonly Backlog[]> => {
    const newestEpoch = Math.max(...backlog.map(({ partition }) => partition.epoch));
    const next = backlog.find(({ partition }) => partition.epoch === newestEpoch);
    if (!next) return [];
    let isFull = false;
    const { rows, lastOffset } = await source.readOrders(
      { partition: next.partition, from: 0n, to: next.to, limit: pageRows, newestFirst: true },
      (order) => {
        isFull ||= !cache.addOlder(order);
        if (!isFull) orders += 1;
      },
    );
    if (isFull) return [];
    const others = backlog.filter((other) => other !== next);
    if (rows < pageRows || lastOffset === undefined) return others;
    return [...others, { partition: next.partition, to: lastOffset }];
  };

  const catchUp = async (source: OrderSource, signal: AbortSignal): Promise<void> => {
    const positions = await source.readPositions();
    const readAt = performance.now();
    const compared = compareWithCursor(cursor, positions);
    rewind(compared.behind, positions);
    behind = compared.ahead.reduce((sum, { from, to }) => sum + to - from, 0n);
    const ages = new Map(positions.map((position) => [partitionKey(position), position.ageSeconds]));
    for (const { partition, from, to } of compared.ahead) {
      const key = partitionKey(partition);
      for (let next = from; next < to; cursor.set(key, next)) {
        if (signal.aborted) return;
        const page = { partition, from: next, to, limit: pageRows, newestFirst: false };
        const { rows, lastOffset } = await source.readOrders(page, add);
        const read = next;
        next = rows === pageRows && lastOffset !== undefined ? lastOffset + 1n : to;
        behind -= next - read;
      }
      onFreshness((ages.get(key) ?? 0) + (performance.now() - readAt) / 1_000);
    }
  };

  const add = (order: LaidOrder): void => {
    cache.add(order);
    orders += 1;
  };

  /** A partition whose position is gone altogether has gone back too: to its beginning. */
  const rewind = (below: readonly Position[], positions: readonly AgedPosition[]): void => {
    const present = new Set(positions.map(partitionKey));
    const gone = [...cursor.keys()].filter((key) => !present.has(key));
    if (below.length === 0 && gone.length === 0) return;
    const before = shown(cursor);
    for (const key of gone) cursor.delete(key);
    for (const position of below) cursor.set(partitionKey(position), position.nextOffset);
    log.error(
      { event: "reader.rewound", from: before, to: shown(cursor) },
      "the database has gone back to an older state: reading again from there; the orders in memory are kept",
    );
  };

  return {
    fill,
    catchUp,
    get isFilled() {
      return isFilled;
    },
    get orders() {
      return orders;
    },
    get behind() {
      return Number(behind);
    },
  };
}

/** A cursor for the log, where a bigint cannot stand. */
function shown(cursor: ReadonlyMap<string, bigint>): Record<string, string> {
  return Object.fromEntries([...cursor].map(([key, offset]) => [key, String(offset)]));
}
