import type { Prisma } from "../prisma/client";
import type { Log } from "../runtime/log";
import type { Assignment, OpenPartition } from "./assignment";
import { watchRegularly } from "./watch-regularly";

/**
 * Moves positions on over offsets that were seen to hold no records: a transaction's control records, aborted ones. With
 * the next record they are stepped over anyway. Where none comes, Kafka may delete them before the partition is opened
 * again, and offsets that are gone without having been ingested are a gap.
 *
 * Nothing is written while positions stand where Kafka has been seen to end.
 *
 * @returns what stops the timer
 */
export function watchSteps(prisma: Prisma, topic: string, assignment: Assignment, log: Log): () => void {
  return watchRegularly("steps", log, async () => {
    for (const open of assignment.all()) await stepOver(prisma, topic, open);
  });
}

/**
 * Compares and moves in one statement, which waits for a transaction that has the position locked: where this one lost
 * its partition, or the topic has begun a new epoch, nothing is written. A batch that is stored from the old position at
 * the same moment finds it moved, and is fetched again.
 */
export async function stepOver(prisma: Prisma, topic: string, open: OpenPartition): Promise<void> {
  const { epoch, partition, nextOffset, seenOffset } = open;
  if (seenOffset <= nextOffset) return;
  const moved = await prisma.$executeRaw`
    UPDATE positions SET next_offset = ${seenOffset}, unfinished_starts = 0, updated_at = now()
    WHERE epoch = ${epoch} AND partition = ${partition} AND next_offset = ${nextOffset}
      AND epoch = (SELECT max(id) FROM epochs WHERE topic = ${topic})`;
  if (moved > 0 && open.nextOffset === nextOffset) open.nextOffset = seenOffset;
}
