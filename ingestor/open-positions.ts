import { type Prisma, type PrismaTransaction, TRANSACTION_PATIENCE } from "../prisma/client";
import type { Position } from "../prisma/order-channel";

/** What Kafka says of the topic, with all its partitions. */
export interface SeenTopic {
  readonly name: string;
  /** Kafka's id of it; undefined where the broker tells none. */
  readonly id: string | undefined;
  readonly bounds: readonly LogBounds[];
}

/** The ends of a partition's log in Kafka: the first offset that it still holds, and the one that comes next. */
export interface LogBounds {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

export interface OpenedPosition extends Position {
  /** Kafka's id of the topic that it is a position of; undefined where the broker told none. */
  readonly topicId: string | undefined;
  /** The record that Kafka has to have there if the topic is still the one that was ingested. */
  readonly lastRecord: { readonly offset: bigint; readonly digest: Buffer } | undefined;
  /** How many offsets Kafka had deleted before they were ingested; they are recorded in the position's `gap` as well. */
  readonly missing: bigint;
  /** Offsets from the position to the end of the log. */
  readonly lag: bigint;
}

export type OpenedPositions = { readonly kind: "opened"; readonly positions: readonly OpenedPosition[] } | EndedEpoch;

/**
 * The topic has another id than the epoch's, or positions lie behind the end of their logs: it was made anew, unless the
 * broker that was asked lags, or another ingestor has moved the positions on since the ends were read.
 */
export interface EndedEpoch {
  readonly kind: "ended";
  readonly epoch: number;
  /** The other id; undefined where the id is none to go by. */
  readonly topicId: string | undefined;
  /** The positions that lie behind the ends of their logs. */
  readonly beyond: readonly Pick<Position, "partition" | "nextOffset">[];
}

/** Whether what was seen of the topic since still says that it is another one. */
export function isStillEnded({ topicId, beyond }: EndedEpoch, seenSince: SeenTopic): boolean {
  if (topicId !== undefined) return seenSince.id === topicId;
  const ends = new Map(seenSince.bounds.map(({ partition, high }) => [partition, high]));
  return beyond.some(({ partition, nextOffset }) => nextOffset > (ends.get(partition) ?? nextOffset));
}

export interface PositionsWish {
  /** All of the topic's by default. What Kafka has not named is not opened. */
  readonly partitions?: readonly number[];
  /** An epoch that the caller knows to be over; the next one begins, unless somebody has begun it already. */
  readonly endedEpoch?: number | undefined;
}

/**
 * Tells where to consume from: PostgreSQL's positions in the topic's current epoch, whatever offsets Kafka has. When an
 * epoch begins, each of its partitions begins at the first record of its log. One that comes later was added to the
 * topic, or is not in the older copy that the database was put back to: it begins at 0, so that what Kafka has deleted
 * of it is no secret. Offsets that Kafka has deleted unread are added to the position's `gap`, and the position moves to
 * where the log begins.
 */
export function openPositions(
  prisma: Prisma,
  topic: SeenTopic,
  { partitions, endedEpoch }: PositionsWish = {},
): Promise<OpenedPositions> {
  const bounds = topic.bounds.filter(({ partition }) => partitions?.includes(partition) ?? true);
  return prisma.$transaction(async (tx): Promise<OpenedPositions> => {
    // One at a time for a topic, or two ingestors that start together would begin two epochs.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`orders-epoch:${topic.name}`}, 0))::text`;
    const { id: epoch, topicId } = await currentEpoch(tx, topic, endedEpoch);
    if (topicId !== null && topic.id !== undefined && topicId !== topic.id) {
      return { kind: "ended", epoch, topicId: topic.id, beyond: [] };
    }
    const positions = await readPositions(tx, epoch, { ...topic, bounds });
    const beyond = positions.filter(({ position, high }) => position.nextOffset > high);
    if (beyond.length > 0) {
      return { kind: "ended", epoch, topicId: undefined, beyond: beyond.map(({ position }) => position) };
    }
    const opened: OpenedPosition[] = [];
    for (const { position, low, high } of positions) {
      opened.push(position.missing > 0n ? await passGap(tx, position, { low, high }) : position);
    }
    return { kind: "opened", positions: opened };
  }, TRANSACTION_PATIENCE);
}

async function currentEpoch(tx: PrismaTransaction, topic: SeenTopic, endedEpoch = 0) {
  const { name, id } = topic;
  const latest = await tx.epoch.findFirst({ where: { topic: name }, orderBy: { id: "desc" } });
  if (!latest || latest.id <= endedEpoch) return beginEpoch(tx, topic);
  if (latest.topicId !== null || id === undefined) return latest;
  // Begun where no id was told. If it is another topic's after all, the last record will tell.
  return tx.epoch.update({ where: { id: latest.id }, data: { topicId: id } });
}

async function beginEpoch(tx: PrismaTransaction, { name, id, bounds }: SeenTopic) {
  const epoch = await tx.epoch.create({ data: { topic: name, topicId: id ?? null } });
  await tx.position.createMany({
    data: bounds.map(({ partition, low }) => ({ epochId: epoch.id, partition, nextOffset: low })),
  });
  return epoch;
}

async function readPositions(tx: PrismaTransaction, epochId: number, { id: topicId, bounds }: SeenTopic) {
  await tx.position.createMany({
    data: bounds.map(({ partition }) => ({ epochId, partition, nextOffset: 0n })),
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
    const lag = high - nextOffset - missing;
    const position: OpenedPosition = { topicId, epoch: epochId, partition, nextOffset, lastRecord, missing, lag };
    return { position, low, high };
  });
}

/** Locks the position first: a batch that is being committed at this moment may pass the gap's end, and there is none. */
async function passGap(
  tx: PrismaTransaction,
  position: OpenedPosition,
  { low, high }: Pick<LogBounds, "low" | "high">,
): Promise<OpenedPosition> {
  const { epoch, partition } = position;
  const [locked] = await tx.$queryRaw<{ next_offset: bigint }[]>`
    SELECT next_offset FROM positions WHERE epoch = ${epoch} AND partition = ${partition} FOR UPDATE`;
  const nextOffset = locked?.next_offset ?? position.nextOffset;
  if (nextOffset >= low) return { ...position, nextOffset, lastRecord: undefined, missing: 0n, lag: high - nextOffset };
  const missing = low - nextOffset;
  await tx.position.update({
    where: { epochId_partition: { epochId: epoch, partition } },
    data: { nextOffset: low, gap: { increment: missing }, updatedAt: new Date() },
  });
  return { ...position, nextOffset: low, missing };
}
