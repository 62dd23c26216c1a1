import type { EachBatchPayload } from "kafkajs";
import type { Prisma } from "../prisma/client";
import { fetchedOffsetOf } from "../runtime/kafka/fetched-offset";
import { undecodableOf } from "../runtime/kafka/undecodable";
import type { Log } from "../runtime/log";
import type { Assignment, OpenPartition } from "./assignment";
import { beginsInVain } from "./careful-mode";
import type { OffsetCommitter } from "./commit-offsets";
import type { ReportOutage } from "./health";
import { ingestBatch } from "./ingest-batch";
import type { Verdict } from "./judge";
import { judgePatiently } from "./judge-patiently";
import type { BatchLimits } from "./judge-portions";
import { digestOf } from "./judged-record";
import { type IngestorMetrics, outcomes } from "./metrics";
import { probeStoring } from "./probe-storing";
import { type Batch, storeBatch } from "./store-batch";
import { type PatientStoreResult, StopError, storePatiently } from "./store-patiently";
import { tellSilence } from "./tell-silence";
import { type WaitForGroup, withHeartbeat } from "./with-heartbeat";

export interface HandleBatchDeps {
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

/**
 * What the consumer does with a fetched batch: asks whether it fits the position, has it judged and stored, and notes how
 * far Kafka is done with. Whatever does not fit is dropped unresolved; kafkajs fetches it again from where it is sought.
 *
 * @throws what a heartbeat throws (a rebalance, which kafkajs has to see), and StopError
 */
export async function handleBatch(
  payload: EachBatchPayload,
  assignment: Assignment,
  committer: OffsetCommitter,
  deps: HandleBatchDeps,
): Promise<void> {
  const { batch, heartbeat, isRunning, isStale, resolveOffset } = payload;
  const partition = assignment.get(batch.partition);
  if (!partition || isStale()) return;
  const isCurrent = (): boolean => isRunning() && !isStale() && assignment.get(batch.partition) === partition;

  const fetchedOffset = fetchedOffsetOf(batch);
  // Out of the log's range kafkajs jumps to its start: a topic that was made anew, and ends before the position.
  if (fetchedOffset < partition.fetchOffset) return reposition(partition, assignment, deps);
  if (!isSameTopic(batch, partition)) {
    const { epoch } = partition;
    deps.log.error(
      { event: "positions.topic-made-anew", topic: deps.topic, endedEpoch: epoch },
      `${deps.topic} holds other records than those of epoch ${epoch}: it was made anew, and a new epoch begins`,
    );
    return assignment.repositionAll(epoch);
  }
  const isSuspicious = await withHeartbeat(heartbeat, () => beginCarefully(partition, deps));
  // Fetched further on than has been seen: over a hole in the log, or kafkajs was out of its range and has jumped.
  const isFurtherOn = fetchedOffset > partition.seenOffset;
  const result =
    isFurtherOn && (await assignment.isCut(partition))
      ? "reposition"
      : await ingestBatch(batch, partition, {
          limits: deps.limits,
          judgeApart: isSuspicious
            ? (value) => withHeartbeat(heartbeat, (wait) => judgeRecordApart(value, deps, isCurrent, wait))
            : undefined,
          isCurrent,
          store: (toStore) => withHeartbeat(heartbeat, (wait) => store(toStore, deps, isCurrent, wait)),
          onCommitted: async (lastOffset, counts) => {
            resolveOffset(lastOffset.toString());
            see(partition, lastOffset, committer);
            for (const outcome of outcomes) {
              deps.metrics.records.inc({ partition: batch.partition, outcome }, counts[outcome]);
            }
            if (counts.outboxIds.length > 0) deps.onDeadLetters(counts.outboxIds);
            await heartbeat();
          },
        });
  // Also where there was nothing to store: the record before the position, which was fetched to be recognised.
  if (result === "done") {
    resolveOffset(batch.lastOffset());
    see(partition, BigInt(batch.lastOffset()), committer);
  }
  if (result === "reposition" && isCurrent()) reposition(partition, assignment, deps);
}

function reposition({ partition }: OpenPartition, assignment: Assignment, { log }: HandleBatchDeps): void {
  log.warn({ event: "positions.moved", partition }, "the position is elsewhere: asking again");
  assignment.reposition(partition);
}

/** Every offset up to and including this one is done with. */
export function see(partition: OpenPartition, lastOffset: bigint, committer: OffsetCommitter): void {
  if (lastOffset < partition.seenOffset) return;
  partition.seenOffset = lastOffset + 1n;
  partition.fetchOffset = partition.seenOffset;
  committer.offer(partition.partition, partition.seenOffset);
}

function judgeRecordApart(
  value: Buffer | null,
  { judgeApart, onOutage }: HandleBatchDeps,
  isCurrent: () => boolean,
  wait: WaitForGroup,
): Promise<Verdict | undefined> {
  return judgePatiently(value, {
    ...{ judge: judgeApart, wait, isCurrent },
    onOutage: (failure) => onOutage("the judging process", failure),
  });
}

async function store(
  batch: Batch,
  deps: HandleBatchDeps,
  isCurrent: () => boolean,
  wait: WaitForGroup,
): Promise<PatientStoreResult> {
  const endTimer = deps.metrics.batchSeconds.startTimer();
  const result = await storePatiently(batch, {
    store: (each) => tellSilence(storeBatch(deps.prisma, each), (failure) => deps.onOutage("PostgreSQL", failure)),
    probe: (each) => probeStoring(deps.prisma, each),
    wait,
    isCurrent,
    onOutage: (failure) => deps.onOutage("PostgreSQL", failure),
    onUnstorable: ({ offset }, { code }) => {
      const { partition } = batch.partition;
      deps.log.warn(
        { event: "record.unstorable", partition, offset: offset.toString(), code },
        `record ${offset} of partition ${partition} cannot be stored (${code}): dead-lettering it`,
      );
    },
  }).catch((error: unknown) => {
    if (error instanceof StopError) deps.onFatal(error);
    throw error;
  });
  endTimer();
  if (result.kind === "stored") deps.metrics.batchRecords.observe(batch.records.length);
  return result;
}

/** Whether the first batch of a partition has to be judged apart, because it was begun again and again in vain. */
async function beginCarefully(partition: OpenPartition, { prisma, log }: HandleBatchDeps): Promise<boolean> {
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
