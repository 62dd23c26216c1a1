import type { Prisma, PrismaTransaction } from "../prisma/client";
import type { Position } from "../prisma/order-channel";

/** The ends of a partition's log in Kafka: the first offset that it still holds, and the one that comes next. */
export interface LogBounds {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

export interface Gap extends Position {
  /** How many offsets Kafka had deleted before they were ingested. */
  readonly missing: bigint;
}

export type OpenedPositions =
  | { readonly kind: "opened"; readonly positions: readonly Position[]; readonly gaps: readonly Gap[] }
  /** A position lies behind the end of its log: the topic was made anew, unless a new leader's end only lags. */
  | { readonly kind: "beyond"; readonly partitions: readonly number[] };

/**
 * Tells where to consume from: PostgreSQL's positions in the topic's current epoch, whatever offsets Kafka has. A
 * partition without a position begins at the first record of its log. Offsets that Kafka has deleted unread are added
 * to the position's `gap`, and the position moves to where the log begins.
 *
 * @param beginEpoch true once the caller has asked Kafka twice and believes that the topic is a new one
 */
export function openPositions(
  prisma: Prisma,
  topic: string,
  bounds: readonly LogBounds[],
  beginEpoch: boolean,
): Promise<OpenedPositions> {
  return prisma.$transaction(async (tx): Promise<OpenedPositions> => {
    // One at a time for a topic, or two ingestors that start together would begin two epochs.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`orders-epoch:${topic}`}, 0))::text`;
    let epoch = (await currentEpoch(tx, topic)) ?? (await newEpoch(tx, topic));
    let positions = await readPositions(tx, epoch, bounds);
    const beyond = positions.filter(({ position, high }) => position.nextOffset > high);
    if (beyond.length > 0) {
      if (!beginEpoch) return { kind: "beyond", partitions: beyond.map(({ position }) => position.partition) };
      epoch = await newEpoch(tx, topic);
      positions = await readPositions(tx, epoch, bounds);
    }
    const opened: Position[] = [];
    const gaps: Gap[] = [];
    for (const { position, low } of positions) {
      if (position.nextOffset >= low) {
        opened.push(position);
      } else {
        const moved = { ...position, nextOffset: low };
        const missing = low - position.nextOffset;
        await recordGap(tx, moved, missing);
        opened.push(moved);
        gaps.push({ ...moved, missing });
      }
    }
    return { kind: "opened", positions: opened, gaps };
  });
}

async function currentEpoch(tx: PrismaTransaction, topic: string): Promise<number | undefined> {
  const epoch = await tx.epoch.findFirst({ where: { topic }, orderBy: { id: "desc" } });
  return epoch?.id;
}

async function newEpoch(tx: PrismaTransaction, topic: string): Promise<number> {
  const { id } = await tx.epoch.create({ data: { topic } });
  return id;
}

async function readPositions(tx: PrismaTransaction, epochId: number, bounds: readonly LogBounds[]) {
  await tx.position.createMany({
    data: bounds.map(({ partition, low }) => ({ epochId, partition, nextOffset: low })),
    skipDuplicates: true,
  });
  const rows = await tx.position.findMany({ where: { epochId } });
  const offsets = new Map(rows.map(({ partition, nextOffset }) => [partition, nextOffset]));
  return bounds.map(({ partition, low, high }) => ({
    position: { epoch: epochId, partition, nextOffset: offsets.get(partition) ?? low },
    low,
    high,
  }));
}

async function recordGap(tx: PrismaTransaction, { epoch, partition, nextOffset }: Position, missing: bigint) {
  await tx.position.update({
    where: { epochId_partition: { epochId: epoch, partition } },
    data: { nextOffset, gap: { increment: missing }, updatedAt: new Date() },
  });
}
