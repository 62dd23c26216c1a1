import type { Prisma } from "../prisma/client";
import { partitionKey } from "../prisma/order-channel";
import type { Log } from "../runtime/log";
import type { OpenedPosition } from "./open-positions";

/** A crash, a restart in the middle and one more by accident are nothing yet. */
const UNSUSPICIOUS_STARTS = 3;

/**
 * Tells whether this partition has been begun so often without anything being committed that one of its records may be
 * what kills the process. Never rejects.
 */
export type BeginsInVain = (opened: OpenedPosition) => Promise<boolean>;

/**
 * Notes that this process begins with a partition, once, and before anything of it is fetched: what kills the process may
 * be a batch that it decodes, before it has a record in hand. Whatever is committed sets the count back. Where nothing
 * waits there is nothing to begin with, however often the process is started.
 *
 * Starts alone convict nobody (somebody may be pulling plugs): they only lead to every record being judged apart.
 */
export function countStarts({ prisma, log }: { readonly prisma: Prisma; readonly log: Log }): BeginsInVain {
  const begun = new Set<string>();
  return async ({ epoch, partition, nextOffset, lag }) => {
    if (lag <= 0n) return false;
    const key = partitionKey({ epoch, partition });
    const isFirst = !begun.has(key);
    begun.add(key);
    try {
      const [position] = await prisma.position.updateManyAndReturn({
        where: { epochId: epoch, partition },
        data: { unfinishedStarts: { increment: isFirst ? 1 : 0 } },
        select: { unfinishedStarts: true },
      });
      const starts = position?.unfinishedStarts ?? 0;
      if (starts <= UNSUSPICIOUS_STARTS) return false;
      log.warn(
        { event: "partition.careful", partition, nextOffset: nextOffset.toString(), starts },
        `partition ${partition} was begun ${starts} times at offset ${nextOffset} without a commit: judging its records apart`,
      );
      return true;
    } catch {
      // Without the database nothing is stored anyway, and the next opening counts.
      if (isFirst) begun.delete(key);
      return false;
    }
  };
}
