import { setTimeout as sleep } from "node:timers/promises";
import { openConnection } from "../../prisma/open-connection";
import type { KnownOrder } from "./known-orders";

const LOOK_EVERY_MS = 50;
/** A frozen server is left behind, and a new connection is made. */
const ANSWER_WITHIN_MS = 2_000;

/**
 * Looks at the positions all the time, on a connection that no fault touches.
 *
 * @returns whether this order had been committed before the call, for certain: while PostgreSQL is away only what was
 *   seen before counts
 */
export function watchCommits(databaseUrl: string, signal: AbortSignal): (order: KnownOrder) => boolean {
  const positions = new Map<number, number>();
  const watch = async (): Promise<void> => {
    const connection = await openConnection(databaseUrl, { name: "orders-chaos", answerWithinMs: ANSWER_WITHIN_MS });
    try {
      while (!signal.aborted) {
        const rows = await connection.ask<{ partition: number; next_offset: string }>(
          "SELECT partition, next_offset FROM positions WHERE epoch = (SELECT max(epoch) FROM positions)",
        );
        for (const { partition, next_offset } of rows) {
          positions.set(partition, Math.max(positions.get(partition) ?? 0, Number(next_offset)));
        }
        await sleep(LOOK_EVERY_MS);
      }
    } finally {
      await connection.close();
    }
  };
  const keepWatching = async (): Promise<void> => {
    while (!signal.aborted) {
      await watch().catch(() => {});
      await sleep(LOOK_EVERY_MS);
    }
  };
  void keepWatching();
  return ({ partition, offset }) => offset < (positions.get(partition) ?? 0);
}
