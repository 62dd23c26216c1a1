import { setTimeout as sleep } from "node:timers/promises";
import type { Prisma } from "../prisma/client";
import { type Cursor, type CursorGap, compareWithCursor, partitionKey } from "../prisma/order-channel";
import type { Log } from "../runtime/log";

/** What is told of an order: nothing about a person. */
export interface RecentOrder {
  /** Where it stands among all that were told; a watcher that comes back names the last one that it has. */
  readonly sequence: number;
  readonly id: string;
  /** When the reader saw it arrive, as ISO 8601; undefined for those that were there before anybody watched. */
  readonly at: string | undefined;
  /** A whole number as text: it may be larger than JavaScript's numbers are exact. */
  readonly amount: string;
  readonly currency: string;
}

export interface RecentOrders {
  /** Says that it is worth looking. Never waits, costs nothing while nobody watches. */
  wake(): void;
  /**
   * Tells the latest orders that this watcher does not have, then each one as it arrives, the newest last. Of a burst only
   * the newest are told, of each partition as many, so that watching costs the same whatever arrives.
   *
   * @param after the sequence of the last order that the watcher has, if it has been here before
   * @returns what ends it
   */
  watch(tell: (orders: readonly RecentOrder[]) => void, after?: number): () => void;
  /** Tells nobody any more. */
  stop(): void;
}

/** Of each look, over all partitions. */
const NEWEST = 10;
/** What is kept for watchers who come, or come back. */
const KEPT = 30;
const LOOK_AT_MOST_EVERY_MS = 500;
/** Notices may be lost. */
const LOOK_AT_LEAST_EVERY_MS = 2_000;

/**
 * Which orders have arrived, for whoever watches.
 *
 * - `idle`: nobody watches, and PostgreSQL is not asked. The first watcher → `watching`, from a few offsets before the
 *   positions as they are then.
 * - `watching`: a hint begins a look, and so does a while without one: the newest rows between the cursor and the
 *   positions are told, and the cursor moves to them. When the last watcher has gone → `idle`.
 */
export function createRecentOrders(prisma: Pick<Prisma, "position" | "$queryRaw">, log: Log): RecentOrders {
  const watchers = new Set<(orders: readonly RecentOrder[]) => void>();
  let kept: readonly RecentOrder[] = [];
  let sequence = 0;
  let isRunning = false;
  let isHinted = false;
  let endPause = (): void => {};

  const run = async (): Promise<void> => {
    isRunning = true;
    let cursor: Cursor | undefined;
    while (watchers.size > 0) {
      isHinted = false;
      try {
        cursor = await look(cursor);
      } catch (error) {
        // What the page shows otherwise says how PostgreSQL is; here the next look finds what this one missed.
        log.debug({ event: "reader.recent-failed", err: error }, "could not look for recent orders");
      }
      await sleep(LOOK_AT_MOST_EVERY_MS);
      await untilHinted();
    }
    kept = [];
    isRunning = false;
  };

  const untilHinted = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_AT_LEAST_EVERY_MS);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isHinted) endPause();
    });

  const wake = (): void => {
    isHinted = true;
    endPause();
  };

  const look = async (cursor: Cursor | undefined): Promise<Cursor> => {
    const rows = await prisma.position.findMany({ select: { epochId: true, partition: true, nextOffset: true } });
    const positions = rows.map(({ epochId, ...row }) => ({ ...row, epoch: epochId }));
    const isFirst = cursor === undefined;
    const before = cursor ?? new Map(positions.map((each) => [partitionKey(each), each.nextOffset - BigInt(NEWEST)]));
    const at = isFirst ? undefined : new Date().toISOString();
    const newest = await readNewest(prisma, compareWithCursor(before, positions).ahead);
    tell(newest.slice(-NEWEST).map((order) => ({ ...order, sequence: ++sequence, at })));
    return new Map(positions.map((each) => [partitionKey(each), each.nextOffset]));
  };

  const tell = (orders: readonly RecentOrder[]): void => {
    if (orders.length === 0) return;
    kept = [...kept, ...orders].slice(-KEPT);
    for (const each of watchers) each(orders);
  };

  return {
    wake,
    watch: (told, after = 0) => {
      // The process that counted so far may have been another one.
      const known = after > sequence ? 0 : after;
      told(kept.filter((order) => order.sequence > known));
      watchers.add(told);
      if (!isRunning) void run();
      return () => {
        watchers.delete(told);
        if (watchers.size === 0) wake();
      };
    },
    stop: () => {
      watchers.clear();
      wake();
    },
  };
}

/**
 * The newest orders of some ranges of offsets. Which of two partitions' orders came first nobody knows: the newest of every
 * partition come last, before them the second newest of every one, and so on. A later life
 * of the topic comes after an earlier one.
 */
async function readNewest(
  prisma: Pick<Prisma, "$queryRaw">,
  ranges: CursorGap["ahead"],
): Promise<readonly Omit<RecentOrder, "sequence" | "at">[]> {
  if (ranges.length === 0) return [];
  const asked = ranges.map(({ partition: { epoch, partition }, from, to }) => {
    return { epoch, partition, from: String(from), to: String(to) };
  });
  // A currency is any text; what is longer than a code of one would only be in the way.
  return prisma.$queryRaw`
    SELECT newest.id, payments.amount::text AS amount, left(payments.currency, 8) AS currency
    FROM json_to_recordset(${JSON.stringify(asked)}::json)
      AS asked(epoch integer, partition integer, "from" bigint, "to" bigint)
    CROSS JOIN LATERAL (
      SELECT id, row_number() OVER (ORDER BY "offset" DESC) AS rank FROM orders
      WHERE epoch = asked.epoch AND partition = asked.partition AND "offset" >= asked."from" AND "offset" < asked."to"
      ORDER BY "offset" DESC LIMIT ${NEWEST}
    ) AS newest
    JOIN payments ON payments.order_id = newest.id
    ORDER BY asked.epoch, newest.rank DESC, asked.partition`;
}
