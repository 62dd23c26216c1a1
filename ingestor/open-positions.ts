import { type Prisma, type PrismaTransaction, TRANSACTION_PATIENCE } from "../prisma/client";
import type { Position } from "../prisma/order-channel";

/** The ends of a partition's log in Kafka: the first offset that it still holds, and the one that comes next. */
export interface LogBounds {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

export interface OpenedPosition extends Position {
  /** The record that Kafka has to have there if the topic is still the one that was ingested. */
  readonly lastRecord: { readonly offset: bigint; readonly digest: Buffer } | undefined;
  /** How many offsets Kafka had deleted before they were ingested; they are recorded in the position's `gap` as well. */
  readonly missing: bigint;
}

export type OpenedPositions =
  | { readonly kind: "opened"; readonly positions: readonly OpenedPosition[] }
  /** Positions lie behind the end of their logs: the topic was made anew, unless a new leader's end only lags. */
  | { readonly kind: "beyond"; readonly epoch: number };

/**
 * Tells where to consume from: PostgreSQL's positions in the topic's current epoch, whatever offsets Kafka has. A
 * partition without a position begins at the first record of its log. Offsets that Kafka has deleted unread are added
 * to the position's `gap`, and the position moves to where the log begins.
 *
 * @param endedEpoch an epoch that the caller knows to be over; the next one begins, unless somebody has begun it already
 */
export function openPositions(
  prisma: Prisma,
  topic: string,
  bounds: readonly LogBounds[],
  endedEpoch?: number,
): Promise<OpenedPositions> {
  return prisma.$transaction(async (tx): Promise<OpenedPositions> => {
    // One at a time for a topic, or two ingestors that start together would begin two epochs.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`orders-epoch:${topic}`}, 0))::text`;
    const epoch = await currentEpoch(tx, topic, endedEpoch);
    const positions = await readPositions(tx, epoch, bounds);
    if (positions.some(({ position, high }) => position.nextOffset > high)) return { kind: "beyond", epoch };
    for (const { position, low } of positions) {
      if (position.missing > 0n) await recordGap(tx, { ...position, nextOffset: low });
    }
    return {
      kind: "opened",
      positions: positions.map(({ position, low }) =>
        position.missing > 0n ? { ...position, nextOffset: low } : position,
      ),
    };
  }, TRANSACTION_PATIENCE);
}

async function currentEpoch(tx: PrismaTransaction, topic: string, endedEpoch = 0): Promise<number> {
  const latest = await tx.epoch.findFirst({ where: { topic }, orderBy: { id: "desc" } });
  if (latest && latest.id > endedEpoch) return latest.id;
  return (await tx.epoch.create({ data: { topic } })).id;
}

async function readPositions(tx: PrismaTransaction, epochId: number, bounds: readonly LogBounds[]) {
  await tx.position.createMany({
    data: bounds.map(({ partition, low }) => ({ epochId, partition, nextOffset: low })),
    skipDuplicates: true,
  });
  const rows = await tx.position.findMany({ where: { epochId } });
  return bounds.map(({ partition, low, high }) => {
    const row = rows.find((each) => each.partition === partition);
    if (!row) throw new Error(`partition ${partition} has no position in spite of its insert`);
    const { nextOffset, lastOffset, lastDigest } = row;
    const isThere = lastOffset !== null && lastDigest !== null && lastOffset >= low;
    const lastRecord = isThere ? { offset: lastOffset, digest: Buffer.from(lastDigest) } : undefined;
    const missing = low > nextOffset ? low - nextOffset : 0n;
    const position: OpenedPosition = { epoch: epochId, partition, nextOffset, lastRecord, missing };
    return { position, low, high };
  });
}

async function recordGap(tx: PrismaTransaction, { epoch, partition, nextOffset, missing }: OpenedPosition) {
  await tx.position.update({
    where: { epochId_partition: { epochId: epoch, partition } },
    data: { nextOffset, gap: { increment: missing }, updatedAt: new Date() },
  });
}
