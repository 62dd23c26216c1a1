import type { Admin, Kafka } from "kafkajs";
import type { LogBounds } from "../../ingestor/open-positions";
import type { Prisma } from "../../prisma/client";
import { fetchTopicId } from "../../runtime/kafka/topic-id";
import { countProgress, type OnProgress, readLogBounds } from "../walk-topic";
import { type AuditedLetters, auditDelivery, type IsCovered } from "./audit-delivery";
import { auditOrders, type PartitionFindings } from "./audit-orders";
import { catchUp } from "./catch-up";
import { checkBooks, checkDelivery, checkLife, checkOutcomes, DELIVERY_SECONDS } from "./check-books";
import { isSame } from "./compare-range";
import type { Differences } from "./differences";
import { type EndedLife, endedLives } from "./ended-lives";
import type { Ledger, PartitionBooks } from "./ledger";

export interface AuditedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Null: nothing of the partition has been ingested yet. */
  readonly epoch: number | null;
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly dead: number;
  /** Offsets that Kafka had deleted before they were ingested. */
  readonly gap: number;
  /** Records that the log holds and that are not ingested; null if Kafka was not asked, or has deleted that log. */
  readonly lag: number | null;
}

export interface Audited {
  readonly partitions: readonly AuditedPartition[];
  /** Null: Kafka was not asked. */
  readonly letters: AuditedLetters | null;
  readonly endedLives: readonly EndedLife[];
}

export interface AuditDeps {
  readonly ledger: Ledger;
  readonly prisma: Prisma;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly topic: string;
  readonly dlqTopic: string;
  readonly group: string;
  readonly waitMs: number;
  readonly mostEarlier?: number | undefined;
  readonly differences: Differences;
  readonly say: (text: string) => void;
  readonly onProgress: OnProgress;
}

/** Looks at PostgreSQL alone: counters against rows, and dead letters that are long overdue. */
export async function auditQuickly(deps: Pick<AuditDeps, "ledger" | "topic" | "differences">): Promise<Audited> {
  const books = await deps.ledger.readBooks(deps.topic);
  deps.differences.add(...checkBooks(deps.topic, books));
  const overdue = (await deps.ledger.readUndelivered(deps.topic)).filter(
    ({ refusal, ageSeconds }) => refusal !== null || ageSeconds > DELIVERY_SECONDS,
  );
  deps.differences.add(...checkDelivery(deps.topic, overdue));
  deps.differences.add(...checkOutcomes(deps.topic, await deps.ledger.findFalseOutcomes(deps.topic)));
  return {
    partitions: books.map((each) => asAudited(deps.topic, each, null)),
    letters: null,
    endedLives: endedLives(deps.topic, books, books.at(-1)?.epoch),
  };
}

/**
 * Compares all that Kafka still holds with PostgreSQL, both ways, up to where the log ended when it was asked first.
 *
 * Everything is compared up to one position per partition, which was read in one snapshot with the counters: what comes
 * in meanwhile is behind it and disturbs nothing.
 */
export async function audit(deps: AuditDeps): Promise<Audited> {
  const { ledger, admin, topic, differences } = deps;
  const bounds = await readLogBounds(admin, topic);
  const topicId = await fetchTopicId(admin, topic);
  await catchUp({ ...deps, topicId, bounds, onWait: (missing) => deps.say(`waiting for the ingestor: ${missing}`) });
  const { epoch, endedEpoch } = await ledger.readPositions(topic, topicId);
  const books = await ledger.readBooks(topic);
  const waitingLetters = await ledger.readUndelivered(topic);
  differences.add(...checkBooks(topic, books));
  differences.add(...checkOutcomes(topic, await ledger.findFalseOutcomes(topic)));

  differences.add(...checkLife(topic, endedEpoch));
  const current = books.filter((each) => each.epoch === epoch);
  const positions = await findPositions(current, deps);
  const findings = await auditOrders({
    ...deps,
    epoch: epoch ?? 0,
    bounds,
    positions,
    onProgress: countProgress(topic, bounds, deps.onProgress),
  });
  checkLastRecords(current, positions, findings, deps);
  if (!(await isCompacted(admin, topic))) checkDuplicates(current, bounds, findings, deps);
  const ends = new Map(bounds.map(({ partition, high }) => [partition, high]));
  const isCovered: IsCovered = (row) => row.epoch !== epoch || row.offset < (ends.get(row.partition) ?? 0n);
  const letters = await auditDelivery(waitingLetters, isCovered, deps);

  const known = books.map((each) =>
    asAudited(topic, each, each.epoch === epoch ? (findings.get(each.partition)?.lag ?? 0n) : null),
  );
  const unknown = bounds.filter(({ partition }) => !current.some((each) => each.partition === partition));
  const partitions = [
    ...known,
    ...unknown.map(({ partition }) => notIngested(topic, partition, findings.get(partition)?.lag ?? 0n)),
  ];
  return { partitions, letters, endedLives: endedLives(topic, books, epoch) };
}

/** The positions to compare up to. One that does not fit its log is told, and nothing of it can be compared. */
async function findPositions(
  books: readonly PartitionBooks[],
  { admin, topic, differences }: AuditDeps,
): Promise<ReadonlyMap<number, bigint>> {
  const logs = new Map((await readLogBounds(admin, topic)).map((each) => [each.partition, each]));
  const positions = new Map<number, bigint>();
  for (const { epoch, partition, counters } of books) {
    const log = logs.get(partition);
    if (!counters) continue;
    const { nextOffset } = counters;
    const at = `${topic}:${epoch}:${partition}`;
    if (!log || nextOffset > log.high) {
      const end = log ? `and the log ends at ${log.high}` : "and the topic has no such partition";
      differences.add({ kind: "position", at, detail: `the position is ${nextOffset} ${end}: is it another topic?` });
      continue;
    }
    if (nextOffset < log.low) {
      const missing = log.low - nextOffset;
      const detail = `Kafka has deleted ${missing} offsets from ${nextOffset} on that were not ingested`;
      differences.add({ kind: "position", at, detail });
    }
    positions.set(partition, nextOffset);
  }
  return positions;
}

/** A position that knows the record before it by another digest would take its own topic for one that was made anew. */
function checkLastRecords(
  books: readonly PartitionBooks[],
  positions: ReadonlyMap<number, bigint>,
  findings: ReadonlyMap<number, PartitionFindings>,
  { topic, differences }: AuditDeps,
): void {
  for (const { epoch, partition, counters } of books) {
    const found = findings.get(partition);
    if (!counters || !found?.isSeen || !positions.has(partition)) continue;
    const [known, seen] = [counters.lastRecord, found.lastRecord];
    if (known?.offset === seen?.offset && isSame(known?.digest ?? null, seen?.digest ?? null)) continue;
    const detail = `it knows the record before it by offset ${known?.offset ?? "none"} and a digest, which it has not`;
    differences.add({ kind: "position", at: `${topic}:${epoch}:${partition}`, detail });
  }
}

/** Where the log was seen from its very beginning, the duplicates can be counted too. */
function checkDuplicates(
  books: readonly PartitionBooks[],
  bounds: readonly LogBounds[],
  findings: ReadonlyMap<number, PartitionFindings>,
  { topic, differences }: AuditDeps,
): void {
  const ends = new Map(bounds.map(({ partition, high }) => [partition, high]));
  for (const { epoch, partition, counters } of books) {
    const found = findings.get(partition);
    const isWhole = found?.begin === 0n && counters && counters.nextOffset <= (ends.get(partition) ?? 0n);
    if (!isWhole || counters.gap > 0n || found.duplicate === counters.duplicate) continue;
    const detail = `duplicate is ${counters.duplicate}, the log has ${found.duplicate}`;
    differences.add({ kind: "counter", at: `${topic}:${epoch}:${partition}`, detail });
  }
}

async function isCompacted(admin: Admin, topic: string): Promise<boolean> {
  // ConfigResourceTypes.TOPIC; a const enum of kafkajs' types, which does not exist when it runs.
  const resources = [{ type: 2, name: topic, configNames: ["cleanup.policy"] }];
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  return described.some(({ configEntries }) =>
    configEntries.some(({ configValue }) => configValue.includes("compact")),
  );
}

function asAudited(
  topic: string,
  { epoch, partition, counters }: PartitionBooks,
  lag: bigint | null,
): AuditedPartition {
  return {
    ...{ topic, partition, epoch },
    received: Number(counters?.received ?? 0n),
    stored: Number(counters?.stored ?? 0n),
    duplicate: Number(counters?.duplicate ?? 0n),
    dead: Number(counters?.dead ?? 0n),
    gap: Number(counters?.gap ?? 0n),
    lag: lag === null ? null : Number(lag),
  };
}

function notIngested(topic: string, partition: number, lag: bigint): AuditedPartition {
  return { topic, partition, epoch: null, received: 0, stored: 0, duplicate: 0, dead: 0, gap: 0, lag: Number(lag) };
}
