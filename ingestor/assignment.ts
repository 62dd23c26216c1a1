import { setTimeout as delay } from "node:timers/promises";
import { type Admin, type Consumer, KafkaJSError } from "kafkajs";
import type { Prisma } from "../prisma/client";
import { backoffMs } from "../runtime/backoff";
import { fetchTopicId } from "../runtime/kafka/topic-id";
import type { Log } from "../runtime/log";
import { countStarts } from "./careful-mode";
import { classifyFailure, type Failure } from "./failure";
import type { ReportOutage } from "./health";
import type { IngestorMetrics } from "./metrics";
import { isStillEnded, type LogBounds, type OpenedPosition, openPositions, type SeenTopic } from "./open-positions";

/**
 * Which partitions are ours and where each of them stands.
 *
 * A partition is
 * - `unassigned`: not in the map. Batches that arrive for it are dropped.
 * - `positioning`: assigned by the group, or found to stand elsewhere than believed. It is paused at once, in the same
 *   turn of the event loop as the group's answer, so that nothing is fetched from where Kafka believes it to be. Its
 *   position is read from PostgreSQL, however long that takes; then it is sought and resumed.
 * - `open`: in the map, with the position that the next record has to have. It begins one record earlier than that, with
 *   the last one ingested: finding another record in its place means that the topic was deleted and made anew.
 *
 * Every assignment begins a new generation; whatever belongs to an older one is dropped when it comes back from waiting.
 */
export interface Assignment {
  /** The open partition, or undefined. Every positioning makes a new object: identity tells whether it is still ours. */
  get(partition: number): OpenPartition | undefined;
  /** Takes over what the group has assigned, and positions it. */
  assign(partitions: readonly number[]): void;
  /** Positions one partition again: its position turned out to be another than believed. */
  reposition(partition: number): void;
  /** Positions every partition again, in the epoch after this one if it is known to be over. */
  repositionAll(endedEpoch?: number): void;
  /** Whether Kafka has deleted records of this partition that it has not been seen to hold. */
  isCut(partition: OpenPartition): Promise<boolean>;
  all(): readonly OpenPartition[];
  /** True when every assigned partition is open. */
  isPositioned(): boolean;
  /** Gives up every partition, for good; whatever is being stored of them ends after its transaction. */
  stop(): void;
}

export interface OpenPartition {
  /** Kafka's id of the topic when the partition was opened; undefined where the broker told none. */
  readonly topicId: string | undefined;
  readonly epoch: number;
  readonly partition: number;
  /** The offset that PostgreSQL has for this partition. */
  nextOffset: bigint;
  /** How far Kafka has been seen: `nextOffset`, or for a moment further where only control or aborted records followed. */
  seenOffset: bigint;
  /** Where Kafka's next fetch begins at the earliest. One that begins before was not asked for: the log is another one. */
  fetchOffset: bigint;
  /** The record before the position, until it has been found again in Kafka. */
  lastRecord: OpenedPosition["lastRecord"];
  /** Whether its first batch is judged apart, because it was begun again and again in vain (careful-mode.ts). */
  isSuspicious: boolean;
  /** What has been put into the partition's queue last, until kafkajs is told that it is done with. */
  handed: HandedBatch | undefined;
}

/** A fetched batch that is being ingested. */
export interface HandedBatch {
  readonly fetchedOffset: bigint;
  readonly lastOffset: bigint;
  /** Half of it is stored, or it has been given up. */
  readonly half: Promise<void>;
}

export interface AssignmentDeps {
  readonly topic: string;
  readonly prisma: Prisma;
  readonly consumer: Pick<Consumer, "pause" | "resume" | "seek">;
  readonly admin: Pick<Admin, "fetchTopicMetadata" | "fetchTopicOffsets">;
  readonly onOutage: ReportOutage;
  readonly onOpened: (partition: OpenPartition) => void;
  readonly metrics: IngestorMetrics;
  readonly log: Log;
}

/** Kafka's own word for a partition that the broker which was asked does not know, or not yet. */
const partitionUnknown: Failure = { action: "retry", code: "UNKNOWN_TOPIC_OR_PARTITION" };
/** How long what a broker knows of a topic may lag before another id, or a position behind its end, means a new topic. */
const CONFIRM_NEW_TOPIC_MS = 2_000;

export function createAssignment(deps: AssignmentDeps): Assignment {
  const { topic, consumer, log } = deps;
  const open = new Map<number, OpenPartition>();
  const positioning = new Set<number>();
  const beginsInVain = countStarts(deps);
  let generation = 0;
  let isStopped = false;

  const begin = (partitions: readonly number[], endedEpoch?: number): void => {
    if (partitions.length === 0 || isStopped) return;
    for (const partition of partitions) {
      open.delete(partition);
      positioning.add(partition);
    }
    try {
      consumer.pause([{ topic, partitions: [...partitions] }]);
    } catch {
      // The consumer has crashed and starts anew: when it has joined its group again, all of them are assigned.
      return;
    }
    void position(partitions, endedEpoch, generation);
  };

  const position = async (
    partitions: readonly number[],
    endedEpoch: number | undefined,
    startedIn: number,
  ): Promise<void> => {
    let missing = partitions;
    for (let attempt = 0; startedIn === generation; attempt++) {
      try {
        const positions = await findPositions(deps, missing, endedEpoch);
        const found = new Set(positions.map(({ partition }) => partition));
        missing = missing.filter((partition) => !found.has(partition));
        // Whoever reported the outage may be of a generation that has ended since: success speaks for all of them.
        deps.onOutage("PostgreSQL", undefined);
        const isLacking = startedIn === generation && missing.length > 0;
        deps.onOutage("Kafka", isLacking ? partitionUnknown : undefined);
        // It is recorded by now, and will not be found again.
        for (const { partition, missing: gap } of positions) reportGap(deps, partition, gap);
        if (startedIn !== generation) return;
        // Each by itself: one may have to wait for a transaction that has its position locked.
        for (const each of positions) void beginWith(each, startedIn);
        if (missing.length === 0) return;
        await delay(backoffMs(attempt));
      } catch (error) {
        if (startedIn !== generation) return;
        const part = error instanceof KafkaJSError ? "Kafka" : "PostgreSQL";
        deps.onOutage(part, classifyFailure(error));
        await delay(backoffMs(attempt));
      }
    }
  };

  const beginWith = async (position: OpenedPosition, startedIn: number): Promise<void> => {
    const isSuspicious = await beginsInVain(position);
    if (startedIn !== generation) return;
    try {
      settle(position, isSuspicious);
    } catch {
      // As in `begin`: the consumer has crashed, and all of them are assigned when it has joined its group again.
    }
  };

  const settle = ({ missing: _, lag, ...position }: OpenedPosition, isSuspicious: boolean): void => {
    const { epoch, partition, nextOffset, lastRecord } = position;
    const fetchOffset = lastRecord?.offset ?? nextOffset;
    const opened: OpenPartition = {
      ...position,
      seenOffset: nextOffset,
      fetchOffset,
      isSuspicious,
      handed: undefined,
    };
    consumer.seek({ topic, partition, offset: fetchOffset.toString() });
    consumer.resume([{ topic, partitions: [partition] }]);
    positioning.delete(partition);
    open.set(partition, opened);
    deps.metrics.lag.set({ partition }, Number(lag));
    log.info(
      { event: "positions.opened", epoch, partition, nextOffset: nextOffset.toString() },
      `partition ${partition} goes on at offset ${nextOffset}`,
    );
    deps.onOpened(opened);
  };

  const startGeneration = (partitions: readonly number[], endedEpoch?: number): void => {
    generation++;
    open.clear();
    positioning.clear();
    // Whoever has just been given nothing waits for nothing, and nobody else would tell that it is over.
    if (partitions.length === 0) deps.onOutage("Kafka", undefined);
    begin(partitions, endedEpoch);
  };

  return {
    get: (partition) => open.get(partition),
    assign: (partitions) => startGeneration(partitions),
    reposition: (partition) => {
      if (!positioning.has(partition)) begin([partition]);
    },
    repositionAll: (endedEpoch) => startGeneration([...open.keys(), ...positioning], endedEpoch),
    isCut: async ({ partition, seenOffset }) => {
      const bounds = (await readBounds(deps.admin, topic)).find((each) => each.partition === partition);
      return bounds !== undefined && bounds.low > seenOffset;
    },
    all: () => [...open.values()],
    isPositioned: () => positioning.size === 0,
    stop: () => {
      isStopped = true;
      generation++;
      open.clear();
    },
  };
}

async function findPositions(
  { prisma, admin, topic, log }: AssignmentDeps,
  partitions: readonly number[],
  endedEpoch: number | undefined,
): Promise<readonly OpenedPosition[]> {
  const look = (): Promise<SeenTopic> => lookAt(admin, topic);
  for (;;) {
    const found = await openPositions(prisma, await look(), { partitions, endedEpoch });
    if (found.kind === "opened") return found.positions;
    // The ends are read again, after the positions now: what another ingestor moves on stays below them.
    if (!isStillEnded(found, await look())) continue;
    await delay(CONFIRM_NEW_TOPIC_MS);
    if (!isStillEnded(found, await look())) continue;
    log.error(
      { event: "positions.topic-made-anew", topic, endedEpoch: found.epoch },
      `${topic} is not the topic of epoch ${found.epoch} any more: it was made anew, and a new epoch begins`,
    );
    const anew = await openPositions(prisma, await look(), { partitions, endedEpoch: found.epoch });
    if (anew.kind === "opened") return anew.positions;
  }
}

async function lookAt(admin: AssignmentDeps["admin"], topic: string): Promise<SeenTopic> {
  const id = await fetchTopicId(admin, topic);
  return { name: topic, id, bounds: await readBounds(admin, topic) };
}

async function readBounds(admin: Pick<Admin, "fetchTopicOffsets">, topic: string): Promise<LogBounds[]> {
  const offsets = await admin.fetchTopicOffsets(topic).catch((error: Error) => {
    // A partition that its metadata loses between two questions makes kafkajs stumble: a TypeError, and no defect of ours.
    throw error instanceof KafkaJSError ? error : new KafkaJSError(error);
  });
  return offsets.map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }));
}

function reportGap({ metrics, log }: AssignmentDeps, partition: number, missing: bigint): void {
  // Also where there is none: an alert cannot see a series begin.
  metrics.gap.inc({ partition }, Number(missing));
  if (missing === 0n) return;
  log.error(
    { event: "positions.gap", partition, missing: missing.toString() },
    `Kafka had deleted ${missing} offsets of partition ${partition} before they were ingested`,
  );
}
