import type { Consumer, EachBatchPayload, Kafka } from "kafkajs";
import type { Prisma } from "../prisma/client";
import { undecodableOf } from "../runtime/kafka/undecodable";
import type { Log } from "../runtime/log";
import { type Assignment, createAssignment, type OpenPartition } from "./assignment";
import { beginsInVain } from "./careful-mode";
import { createOffsetCommitter, type OffsetCommitter } from "./commit-offsets";
import { connectPatiently } from "./connect-patiently";
import type { Failure } from "./failure";
import { type BatchLimits, ingestBatch } from "./ingest-batch";
import type { Verdict } from "./judge";
import { digestOf } from "./judged-record";
import type { IngestorMetrics } from "./metrics";
import { type Batch, storeBatch } from "./store-batch";
import { type PatientStoreResult, storePatiently } from "./store-patiently";
import { watchPositions } from "./watch-positions";
import { type WaitForGroup, withHeartbeat } from "./with-heartbeat";

export interface ConsumeDeps {
  readonly kafka: Kafka;
  readonly prisma: Prisma;
  readonly topic: string;
  readonly group: string;
  readonly limits: BatchLimits;
  readonly partitionsAtOnce: number;
  /** Judges a record that may kill the process. */
  readonly judgeApart: (value: Buffer | null) => Promise<Verdict>;
  /** Told of new rows of the outbox; must not throw. */
  readonly onDeadLetters: (outboxIds: readonly bigint[]) => void;
  /** Told when storing fails because something is down, and with undefined when it works again. */
  readonly onOutage: (failure: Failure | undefined) => void;
  /** The consumer cannot go on; the process has to end. */
  readonly onFatal: (error: unknown) => void;
  readonly metrics: IngestorMetrics;
  readonly log: Log;
}

export interface Consumption {
  readonly assignment: Assignment;
  /** Finishes the transactions in flight, tells Kafka the last offsets and leaves the group. */
  stop(): Promise<void>;
}

/** How long a process that was killed keeps its partitions: the least that brokers allow by default. A member that is late
 * loses nothing but time, because the positions decide what is written. */
const SESSION_TIMEOUT_MS = 6_000;
const HEARTBEAT_INTERVAL_MS = 1_500;
/** How long a rebalance waits for members that do not answer, because they were killed or are in a transaction. */
const REBALANCE_TIMEOUT_MS = 10_000;
/** A partition that was added to the topic is found within this time. */
const METADATA_MAX_AGE_MS = 5_000;
/** kafkajs sleeps this long when every partition is paused, so it is also the delay of a resume. */
const MAX_WAIT_MS = 200;
/** Room for more than a transaction's worth of orders from each partition, and the bound of what a fetch holds. */
const MAX_BYTES_PER_PARTITION = 2 * 1_048_576;
const MAX_BYTES = 16 * 1_048_576;

/**
 * Consumes the topic into PostgreSQL: what a fetch brings is judged and stored in transactions of a bounded size, and
 * Kafka's offset follows by hand once the transaction has been committed.
 * Waits for Kafka as long as it takes.
 */
export async function consume(deps: ConsumeDeps): Promise<Consumption> {
  const { kafka, topic, log } = deps;
  const admin = kafka.admin();
  const consumer = kafka.consumer({
    groupId: deps.group,
    sessionTimeout: SESSION_TIMEOUT_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
    maxBytes: MAX_BYTES,
    retry: { retries: Number.MAX_SAFE_INTEGER, maxRetryTime: 1_000, restartOnFailure: async () => true },
  });
  const committer = createOffsetCommitter(topic, (offsets) => consumer.commitOffsets(offsets), log);
  const assignment = createAssignment({
    topic,
    prisma: deps.prisma,
    consumer,
    admin,
    onOpened: ({ partition, nextOffset }) => committer.offer(partition, nextOffset),
    onOutage: deps.onOutage,
    metrics: deps.metrics,
    log,
  });
  const stopWatching = watchPositions(deps.prisma, topic, assignment, log);
  const inFlight = new Set<Promise<void>>();
  followConsumer(consumer, assignment, committer, deps);

  await connectPatiently(deps.onOutage, async () => {
    await admin.connect();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: deps.partitionsAtOnce,
    eachBatch: async (payload) => {
      const work = eachBatch(payload, assignment, committer, deps);
      inFlight.add(work);
      await work.finally(() => inFlight.delete(work));
    },
  });

  return {
    assignment,
    stop: async () => {
      stopWatching();
      consumer.pause([{ topic }]);
      assignment.stop();
      // Kafka takes offsets only from a member of the group, so they are sent before it is left.
      await Promise.allSettled(inFlight);
      await committer.flush();
      committer.stop();
      await consumer.disconnect();
      await admin.disconnect();
    },
  };
}

function followConsumer(
  consumer: Consumer,
  assignment: Assignment,
  committer: OffsetCommitter,
  { topic, metrics, log, onFatal }: ConsumeDeps,
): void {
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    committer.forget();
    assignment.assign(payload.memberAssignment[topic] ?? []);
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    metrics.lag.set({ partition: payload.partition }, Math.max(0, Number(payload.offsetLag)));
    const partition = assignment.get(payload.partition);
    // Nothing but control records or aborted ones: there is nothing to store, but Kafka's lag has to reach 0.
    if (payload.batchSize === 0 && partition && payload.lastOffset !== null) {
      see(partition, BigInt(payload.lastOffset), committer);
    }
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    log.warn(
      { event: "kafka.consumer-crash", err: error, restart },
      `the consumer ${restart ? "starts anew" : "ends"}`,
    );
    if (!restart) onFatal(error);
  });
}

/** Every offset up to and including this one is done with. */
function see(partition: OpenPartition, lastOffset: bigint, committer: OffsetCommitter): void {
  if (lastOffset < partition.seenOffset) return;
  partition.seenOffset = lastOffset + 1n;
  committer.offer(partition.partition, partition.seenOffset);
}

async function eachBatch(
  payload: EachBatchPayload,
  assignment: Assignment,
  committer: OffsetCommitter,
  deps: ConsumeDeps,
): Promise<void> {
  const { batch, heartbeat, isRunning, isStale, resolveOffset } = payload;
  const partition = assignment.get(batch.partition);
  if (!partition || isStale()) return;
  const isCurrent = (): boolean => isRunning() && !isStale() && assignment.get(batch.partition) === partition;

  if (!isSameTopic(batch, partition)) {
    const { epoch } = partition;
    deps.log.error(
      { event: "positions.topic-made-anew", topic: deps.topic, endedEpoch: epoch },
      `${deps.topic} holds other records than those of epoch ${epoch}: it was made anew, and a new epoch begins`,
    );
    return assignment.beginEpochAfter(epoch);
  }
  const isSuspicious = await beginCarefully(partition, deps);
  // Fetched further on than has been seen: kafkajs was out of the log's range and has jumped.
  const hasJumped = BigInt(fetchedOffsetOf(batch)) > partition.seenOffset;
  const result = hasJumped
    ? "reposition"
    : await ingestBatch(batch, partition, {
        limits: deps.limits,
        judgeApart: isSuspicious ? deps.judgeApart : undefined,
        isCurrent,
        store: (toStore) => withHeartbeat(heartbeat, (wait) => store(toStore, deps, isCurrent, wait)),
        onCommitted: async (lastOffset, counts) => {
          resolveOffset(lastOffset.toString());
          see(partition, lastOffset, committer);
          for (const outcome of ["stored", "duplicate", "dead"] as const) {
            deps.metrics.records.inc({ partition: batch.partition, outcome }, counts[outcome]);
          }
          if (counts.outboxIds.length > 0) deps.onDeadLetters(counts.outboxIds);
          await heartbeat();
        },
      });
  // Also where there was nothing to store: the record before the position, which was fetched to be recognised.
  if (result === "done") resolveOffset(batch.lastOffset());
  if (result === "reposition" && isCurrent()) {
    deps.log.warn({ event: "positions.moved", partition: batch.partition }, "the position is elsewhere: asking again");
    assignment.reposition(batch.partition);
  }
}

async function store(
  batch: Batch,
  deps: ConsumeDeps,
  isCurrent: () => boolean,
  wait: WaitForGroup,
): Promise<PatientStoreResult> {
  const endTimer = deps.metrics.batchSeconds.startTimer();
  const result = await storePatiently(batch, {
    store: (each) => storeBatch(deps.prisma, each),
    wait,
    isCurrent,
    onOutage: deps.onOutage,
    onUnstorable: ({ offset }, { code }) => {
      const { partition } = batch.partition;
      deps.log.warn(
        { event: "record.unstorable", partition, offset: offset.toString(), code },
        `record ${offset} of partition ${partition} cannot be stored (${code}): dead-lettering it`,
      );
    },
  }).catch((error: unknown) => {
    if (error instanceof Error && error.name === "StopError") deps.onFatal(error);
    throw error;
  });
  endTimer();
  return result;
}

/** Whether the first batch of a partition has to be judged apart, because it was begun again and again in vain. */
async function beginCarefully(partition: OpenPartition, { prisma, log }: ConsumeDeps): Promise<boolean> {
  if (partition.isBegun) return false;
  partition.isBegun = true;
  // Without the database nothing is stored anyway, and the next opening counts.
  const isSuspicious = await beginsInVain(prisma, partition).catch(() => false);
  if (isSuspicious) {
    log.warn(
      { event: "partition.careful", partition: partition.partition },
      `partition ${partition.partition} was begun again and again without a commit: judging its records apart`,
    );
  }
  return isSuspicious;
}

/** Looks for the last record that was ingested, and for whether it is the same. One that is gone tells nothing. */
function isSameTopic({ messages }: EachBatchPayload["batch"], partition: OpenPartition): boolean {
  const { lastRecord } = partition;
  partition.lastRecord = undefined;
  const found = lastRecord && messages.find(({ offset }) => BigInt(offset) === lastRecord.offset);
  return !found || undecodableOf(found) !== undefined || digestOf(found).equals(lastRecord.digest);
}

/** Where the fetch began. kafkajs has it on every batch, its types do not. */
function fetchedOffsetOf(batch: EachBatchPayload["batch"]): string {
  return (batch as unknown as { readonly fetchedOffset: string }).fetchedOffset;
}
