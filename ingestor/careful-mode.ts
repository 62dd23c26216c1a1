import type { Prisma } from "../prisma/client";
import type { Partition } from "../prisma/order-channel";

/** A crash, a restart in the middle and one more by accident are nothing yet. */
const UNSUSPICIOUS_STARTS = 3;

/**
 * Notes that ingesting this partition begins, and tells whether it has begun so often without anything being committed
 * that one of its records may be what kills the process. Whatever is committed sets the count back.
 *
 * Starts alone convict nobody (somebody may be pulling plugs): they only lead to every record being judged apart.
 */
export async function beginsInVain(prisma: Prisma, { epoch, partition }: Partition): Promise<boolean> {
  const [begun] = await prisma.position.updateManyAndReturn({
    where: { epochId: epoch, partition },
    data: { unfinishedStarts: { increment: 1 } },
    select: { unfinishedStarts: true },
  });
  return begun !== undefined && begun.unfinishedStarts > UNSUSPICIOUS_STARTS;
}
