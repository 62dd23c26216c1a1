import type { Prisma } from "../prisma/client";
import { type Position, partitionKey } from "../prisma/order-channel";
import type { Log } from "../runtime/log";
import type { Assignment } from "./assignment";
import { watchRegularly } from "./watch-regularly";

/**
 * Notices that the database was put back to an older copy while nothing comes in (a busy partition notices at its next
 * transaction): its positions are then below ours, or gone, and what came since has to be read again from Kafka.
 *
 * @returns what stops the timer
 */
export function watchPositions(prisma: Prisma, topic: string, assignment: Assignment, log: Log): () => void {
  return watchRegularly("positions", log, async () => {
    const before = assignment.all().map((open) => ({ open, nextOffset: open.nextOffset }));
    if (before.length === 0) return;
    // Asked for ever, also while nothing comes in: in SQL it costs three quarters of what Prisma's own words for it do.
    const rows = await prisma.$queryRaw<Position[]>`
      SELECT epoch, partition, next_offset AS "nextOffset" FROM positions
      WHERE epoch IN (SELECT id FROM epochs WHERE topic = ${topic})`;
    const stored = new Map(rows.map((row) => [partitionKey(row), row.nextOffset]));
    for (const { open, nextOffset } of before) {
      const inDatabase = stored.get(partitionKey(open));
      const isRestored = inDatabase === undefined || inDatabase < nextOffset;
      if (!isRestored || assignment.get(open.partition) !== open) continue;
      log.error(
        { event: "positions.restored", partition: open.partition, from: String(nextOffset), to: String(inDatabase) },
        `the database was put back: partition ${open.partition} is read again from ${inDatabase ?? "its start"}`,
      );
      assignment.reposition(open.partition);
    }
  });
}
