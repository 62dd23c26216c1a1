import { setTimeout as delay } from "node:timers/promises";
import { type EachBatchPayload, KafkaJSError } from "kafkajs";
import type { Prisma } from "../prisma/client";
import { fetchedOffsetOf } from "../runtime/kafka/fetched-offset";
import { undecodableOf } from "../runtime/kafka/undecodable";
import type { Log } from "../runtime/log";
import type { TakeTurn } from "../runtime/turns";
import type { Assignment, HandedBatch, OpenPartition } from "./assignment";
import type { OffsetCommitter } from "./commit-offsets";
import { classifyFailure } from "./failure";
import type { ReportOutage } from "./health";
import { type IngestBatchResult, ingestBatch } from "./ingest-batch";
import type { Verdict } from "./judge";
import { judgePatiently } from "./judge-patiently";
import type { BatchLimits } from "./judge-portions";
import { digestOf } from "./judged-record";
import { type IngestorMetrics, outcomes } from "./metrics";
import type { PartitionQueues } from "./partition-queues";
import { probeStoring } from "./probe-storing";
import { type Batch, storeBatch } from "./store-batch";
import { type PatientStoreResult, storePatiently } from "./store-patiently";
import { createTally } from "./tally";
import { tellSilence } from "./tell-silence";
import { withHeartbeat } from "./with-heartbeat";

export interface HandleBatchDeps {
  readonly assignment: Assignment;
  readonly queues: PartitionQueues;
  /** Its turn among the partitions that are ingested side by side. */
  readonly takeTurn: TakeTurn;
  readonly committer: OffsetCommitter;
  readonly prisma: Prisma;
  readonly topic: string;
  readonly limits: BatchLimits;
  /** Judges a record that may kill the process (judge-apart.ts). */
  readonly judgeApart: (value: Buffer | null) => Promise<Verdict>;
  /** Told of new rows of the outbox; must not throw. */
  readonly onDeadLetters: (outboxIds: readonly bigint[]) => void;
  readonly onOutage: ReportOutage;
  /** The consumer cannot go on; the process has to end. */
  readonly onFatal: (error: unknown) => void;
  readonly metrics: IngestorMetrics;
  readonly log: Log;
}

/** Before Kafka is asked again what it has just not answered. */
const UNANSWERED_PAUSE_MS = 1_000;

/** A fetched batch on its way into PostgreSQL. */
interface Fetched {
  readonly batch: EachBatchPayload["batch"];
  readonly partition: OpenPartition;
  /** Where the fetch began. */
  readonly fetchedOffset: bigint;
  readonly lastOffset: bigint;
  /** False where it began further on than what came before has ended: over a hole in the log, or kafkajs has jumped. */
  readonly isNext: boolean;
}

/**
 * What the consumer does with a fetched batch: asks whether it fits, and puts it into the partition's queue, where it is
 * judged and stored. Returns once half of it is stored, so that Kafka is asked for what comes next while there is still
 * something to do; a batch of a single transaction is stored as a whole by then.
 *
 * Whatever does not fit, or could not be stored, is left unresolved: the partition is positioned again, and kafkajs
 * fetches from where it is sought.
 *
 * @throws what a heartbeat throws (a rebalance, which kafkajs has to see)
 */
export async function handleBatch(payload: EachBatchPayload, deps: HandleBatchDeps): Promise<void> {
  const { batch, heartbeat, isStale, resolveOffset } = payload;
  const { assignment } = deps;
  const partition = assignment.get(batch.partition);
  if (!partition || isStale()) return;

  const fetchedOffset = fetchedOffsetOf(batch);
  // Out of the log's range kafkajs jumps to its start: a topic that was made anew, and ends before the position.
  if (fetchedOffset < partition.fetchOffset) return reposition(partition, deps);
  if (!isSameTopic(batch, partition)) {
    const { epoch } = partition;
    deps.log.error(
      { event: "positions.topic-made-anew", topic: deps.topic, endedEpoch: epoch },
      `${deps.topic} holds other records than those of epoch ${epoch}: it was made anew, and a new epoch begins`,
    );
    return assignment.repositionAll(epoch);
  }
  // After a heartbeat that failed kafkajs brings the same records again, while the first of them are being worked on.
  const { handed } = partition;
  const current = handed?.fetchedOffset === fetchedOffset ? handed : hand(batch, partition, deps);
  partition.handed = current;
  await withHeartbeat(heartbeat, current.half);
  if (assignment.get(batch.partition) !== partition) return;
  partition.handed = undefined;
  // It has brought more than what was handed over: unresolved it comes once more, and is handed over itself.
  if (BigInt(batch.lastOffset()) > current.lastOffset) return;
  partition.fetchOffset = current.lastOffset + 1n;
  resolveOffset(current.lastOffset.toString());
}

function hand(batch: EachBatchPayload["batch"], partition: OpenPartition, deps: HandleBatchDeps): HandedBatch {
  const [fetchedOffset, lastOffset] = [fetchedOffsetOf(batch), BigInt(batch.lastOffset())];
  const isNext = fetchedOffset === partition.fetchOffset || fetchedOffset <= partition.seenOffset;
  const fetched: Fetched = { batch, partition, fetchedOffset, lastOffset, isNext };
  const half = new Promise<void>((resolve) => {
    void deps.queues.put(partition, () => ingest(fetched, resolve, deps)).then(resolve);
  });
  return { fetchedOffset, lastOffset, half };
}

/** The same for offsets that hold nothing but control records or aborted ones, which kafkajs passes over by itself. */
export function passOver(
  partition: OpenPartition,
  offsets: { readonly first: bigint; readonly last: bigint; readonly highWatermark: bigint },
  deps: HandleBatchDeps,
): void {
  const { assignment, queues } = deps;
  // As in handleBatch: kafkajs has jumped to the start of another log, or of one that was cut at its end.
  if (offsets.first < partition.fetchOffset) {
    reposition(partition, deps);
    return;
  }
  partition.fetchOffset = offsets.last + 1n;
  void queues.put(partition, async () => {
    if (assignment.get(partition.partition) !== partition) return;
    try {
      const isCut = offsets.first > partition.seenOffset && (await assignment.isCut(partition));
      if (isCut) reposition(partition, deps);
      else see(partition, offsets.last, offsets.highWatermark, deps);
    } catch (error) {
      await askAgain(error, partition, deps);
    }
  });
}

/** Judges and stores a batch, when what came before it in its partition is done with. Never rejects. */
async function ingest(fetched: Fetched, onHalf: () => void, deps: HandleBatchDeps): Promise<void> {
  const { batch, partition, lastOffset } = fetched;
  const isCurrent = (): boolean => deps.assignment.get(partition.partition) === partition;
  try {
    const result = await inTurn(deps.takeTurn, () => ingestFetched(fetched, onHalf, isCurrent, deps));
    // Also where there was nothing to store: the record before the position, which was fetched to be recognised.
    if (result === "done") see(partition, lastOffset, BigInt(batch.highWatermark), deps);
    if (result === "reposition" && isCurrent()) reposition(partition, deps);
  } catch (error) {
    if (!(error instanceof KafkaJSError)) {
      // What comes behind it must not be stored without it.
      deps.assignment.stop();
      deps.onFatal(error);
      return;
    }
    await askAgain(error, partition, deps);
  }
}

async function inTurn<T>(takeTurn: TakeTurn, work: () => Promise<T>): Promise<T> {
  const endTurn = await takeTurn();
  return work().finally(endTurn);
}

/** Kafka has not told where its log begins: the partition is positioned again, which waits for Kafka. */
async function askAgain(error: unknown, partition: OpenPartition, { assignment, log }: HandleBatchDeps): Promise<void> {
  log.debug({ event: "positions.hole", code: classifyFailure(error).code }, "could not ask for the log's start");
  await delay(UNANSWERED_PAUSE_MS);
  if (assignment.get(partition.partition) === partition) assignment.reposition(partition.partition);
}

async function ingestFetched(
  { batch, partition, fetchedOffset, lastOffset: end, isNext }: Fetched,
  onHalf: () => void,
  isCurrent: () => boolean,
  deps: HandleBatchDeps,
): Promise<IngestBatchResult> {
  if (!isCurrent()) return "abandoned";
  const isHole = fetchedOffset > partition.seenOffset;
  // What came before it is not done with, or Kafka has deleted records that have not been seen.
  if (isHole && (isNext || (await deps.assignment.isCut(partition)))) return "reposition";
  // What follows it comes after a commit.
  const { isSuspicious } = partition;
  partition.isSuspicious = false;
  const tally = createTally(partition.nextOffset);
  const result = await ingestBatch(batch, partition, {
    limits: deps.limits,
    judgeApart: isSuspicious ? (value) => judgeRecordApart(value, isCurrent, deps) : undefined,
    isCurrent,
    store: (toStore) => store(toStore, isCurrent, deps),
    onCommitted: (lastOffset, counts) => {
      tally.add(lastOffset, counts);
      see(partition, lastOffset, BigInt(batch.highWatermark), deps);
      for (const outcome of outcomes) {
        deps.metrics.records.inc({ partition: batch.partition, outcome }, counts[outcome]);
      }
      if (counts.outboxIds.length > 0) deps.onDeadLetters(counts.outboxIds);
      if (lastOffset + 1n - fetchedOffset >= end - lastOffset) onHalf();
    },
  });
  tally.tell(batch.partition, deps.log);
  return result;
}

function reposition({ partition }: OpenPartition, { assignment, log }: HandleBatchDeps): void {
  log.warn({ event: "positions.moved", partition }, "the position is elsewhere: asking again");
  assignment.reposition(partition);
}

/** Every offset up to and including this one is done with. */
function see(
  partition: OpenPartition,
  lastOffset: bigint,
  highWatermark: bigint,
  { assignment, committer, metrics }: HandleBatchDeps,
): void {
  if (lastOffset < partition.seenOffset) return;
  partition.seenOffset = lastOffset + 1n;
  if (assignment.get(partition.partition) !== partition) return;
  committer.offer(partition.partition, partition.seenOffset);
  const behind = highWatermark - partition.seenOffset;
  metrics.lag.set({ partition: partition.partition }, behind > 0n ? Number(behind) : 0);
}

function judgeRecordApart(
  value: Buffer | null,
  isCurrent: () => boolean,
  { judgeApart, onOutage }: HandleBatchDeps,
): Promise<Verdict | undefined> {
  return judgePatiently(value, {
    ...{ judge: judgeApart, wait: delay, isCurrent },
    onOutage: (failure) => onOutage("the judging process", failure),
  });
}

async function store(batch: Batch, isCurrent: () => boolean, deps: HandleBatchDeps): Promise<PatientStoreResult> {
  const endTimer = deps.metrics.batchSeconds.startTimer();
  const result = await storePatiently(batch, {
    store: (each) => tellSilence(storeBatch(deps.prisma, each), (failure) => deps.onOutage("PostgreSQL", failure)),
    probe: (each) => probeStoring(deps.prisma, each),
    wait: delay,
    isCurrent,
    onOutage: (failure) => deps.onOutage("PostgreSQL", failure),
    onUnstorable: ({ offset }, { code }) => {
      const { partition } = batch.partition;
      deps.log.warn(
        { event: "record.unstorable", partition, offset: offset.toString(), code },
        `record ${offset} of partition ${partition} cannot be stored (${code}): dead-lettering it`,
      );
    },
  });
  endTimer();
  if (result.kind === "stored") deps.metrics.batchRecords.observe(batch.records.length);
  return result;
}

/** Looks for the last record that was ingested, and for whether it is the same. One that is gone tells nothing. */
function isSameTopic({ messages }: EachBatchPayload["batch"], partition: OpenPartition): boolean {
  const { lastRecord } = partition;
  partition.lastRecord = undefined;
  const found = lastRecord && messages.find(({ offset }) => BigInt(offset) === lastRecord.offset);
  return !found || undecodableOf(found) !== undefined || digestOf(found).equals(lastRecord.digest);
}
