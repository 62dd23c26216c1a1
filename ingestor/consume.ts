import { setTimeout as delay } from "node:timers/promises";
import type { Consumer, Kafka } from "kafkajs";
import type { StandingQuestions } from "../prisma/standing-questions";
import { createTurns } from "../runtime/turns";
import { type Assignment, createAssignment } from "./assignment";
import { createOffsetCommitter } from "./commit-offsets";
import { connectPatiently } from "./connect-patiently";
import { type HandleBatchDeps, handleBatch, passOver } from "./handle-batch";
import { outcomes } from "./metrics";
import { createPartitionQueues } from "./partition-queues";
import { watchSteps } from "./step-over";
import { watchPositions } from "./watch-positions";
import { createProgress, type Progress } from "./watch-progress";
import { watchRegularly } from "./watch-regularly";
import { watchTopic } from "./watch-topic";

export interface ConsumeDeps extends Omit<HandleBatchDeps, "assignment" | "queues" | "takeTurn" | "committer"> {
  /** For questions, which are asked again. */
  readonly kafka: Pick<Kafka, "admin">;
  /** For the consumer: never gives up, so that it stays the group's member through an outage of the brokers. */
  readonly patientKafka: Pick<Kafka, "consumer">;
  readonly questions: Pick<StandingQuestions, "ask">;
  readonly group: string;
  readonly partitionsAtOnce: number;
  /** Told how to stop before the group is joined: from then on there is a member that others would wait for. */
  readonly onStoppable: (stop: () => Promise<void>) => void;
}

export interface Consumption extends Pick<Progress, "describeStandstill"> {
  readonly assignment: Assignment;
  /** Since the group's coordinator answered last; it is asked every two seconds at least, also while nothing comes in. */
  secondsSinceAnswer(): number;
}

/**
 * How long a process that was killed keeps its partitions: the least that brokers allow by default. A member that is late
 * loses nothing but time, because the positions decide what is written.
 */
const SESSION_TIMEOUT_MS = 6_000;
/** Three in a session. */
const HEARTBEAT_INTERVAL_MS = 2_000;
/** How long a rebalance waits for members that do not answer, because they were killed or are in a transaction. */
const REBALANCE_TIMEOUT_MS = 10_000;
/** A partition that was added to the topic is found within this time. */
const METADATA_MAX_AGE_MS = 5_000;
/** How often Kafka is asked where the logs end: two requests. */
const PROGRESS_INTERVAL_MS = 10_000;
/**
 * For the transactions in flight when it is stopped, for telling Kafka their offsets, and for leaving the group, which a
 * Kafka that is away is asked for without end: a stop may take 4.5 s in all.
 */
const [FINISH_WITHIN_MS, TELL_WITHIN_MS, LEAVE_WITHIN_MS] = [2_000, 1_000, 1_000];
/** What one fetch may bring, and how long it may take. */
export const fetchSettings = {
  /**
   * At an idle broker: a record ends the wait at once, and so do a resume, a rebalance and a stop (fetch-wait.ts). Each
   * fetch costs an idle system 2 ms of processor time, most of it the broker's.
   */
  maxWaitTimeInMs: 5_000,
  /**
   * Room for several transactions' worth of orders from each partition, so that one is judged while another is stored;
   * and the bound of what a fetch holds.
   */
  maxBytesPerPartition: 3 * 1_048_576,
  maxBytes: 16 * 1_048_576,
} as const;

/**
 * Consumes the topic into PostgreSQL: what a fetch brings is judged and stored in transactions of a bounded size, and
 * Kafka's offset follows by hand once the transaction has been committed.
 * Waits for Kafka as long as it takes.
 */
export async function consume(deps: ConsumeDeps): Promise<Consumption> {
  const { kafka, patientKafka, topic, log } = deps;
  const admin = kafka.admin();
  const consumer = patientKafka.consumer({
    groupId: deps.group,
    sessionTimeout: SESSION_TIMEOUT_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    ...fetchSettings,
    retry: {
      retries: Number.MAX_SAFE_INTEGER,
      initialRetryTime: 100,
      maxRetryTime: 500,
      restartOnFailure: async () => true,
    },
  });
  const committer = createOffsetCommitter(topic, (offsets) => consumer.commitOffsets(offsets), log);
  const assignment = createAssignment({
    topic,
    prisma: deps.prisma,
    consumer,
    admin,
    onOpened: ({ partition, nextOffset }) => {
      // Shown as 0 from the start: an alert cannot see a series begin.
      for (const outcome of outcomes) deps.metrics.records.inc({ partition, outcome }, 0);
      committer.offer(partition, nextOffset);
    },
    onOutage: deps.onOutage,
    metrics: deps.metrics,
    log,
  });
  const progress = createProgress({ topic, admin, assignment, metrics: deps.metrics });
  const watches = [
    watchPositions({ ...deps, assignment }),
    watchSteps(deps.prisma, topic, assignment, log),
    watchTopic(admin, topic, assignment, log),
    watchRegularly("progress", log, progress.look, PROGRESS_INTERVAL_MS),
  ];
  const queues = createPartitionQueues();
  const takeTurn = createTurns(deps.partitionsAtOnce);
  const handling: HandleBatchDeps = { ...deps, assignment, queues, takeTurn, committer };
  followConsumer(consumer, handling);
  let lastAnswerAt = Date.now();
  for (const event of [consumer.events.GROUP_JOIN, consumer.events.HEARTBEAT] as const) {
    consumer.on(event, () => {
      lastAnswerAt = Date.now();
    });
  }

  await connectPatiently("Kafka", deps.onOutage, async () => {
    await admin.connect();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
  });
  const running = consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: deps.partitionsAtOnce,
    eachBatch: (payload) => handleBatch(payload, handling),
  });
  /** Finishes the transactions in flight, tells Kafka the last offsets and leaves the group. */
  const stop = async (): Promise<void> => {
    for (const stopWatching of watches) stopWatching();
    let ours = assignment.all();
    consumer.on(consumer.events.GROUP_JOIN, () => {
      ours = [];
    });
    assignment.stop();
    // What waits for a part that is silent ends with the process: it is not committed, and will be done again.
    await within(FINISH_WITHIN_MS, queues.settled());
    // Kafka takes offsets only from a member of the group, so they are sent before it is left.
    for (const { partition, seenOffset } of ours) committer.offer(partition, seenOffset);
    await within(TELL_WITHIN_MS, committer.flush());
    committer.stop();
    await within(
      LEAVE_WITHIN_MS,
      consumer.disconnect().then(() => admin.disconnect()),
    );
  };
  deps.onStoppable(stop);
  await running;

  return {
    assignment,
    describeStandstill: progress.describeStandstill,
    secondsSinceAnswer: () => (Date.now() - lastAnswerAt) / 1_000,
  };
}

/** Waits for the work, but no longer than that. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, delay(milliseconds, undefined, { ref: false })]);
}

function followConsumer(consumer: Consumer, handling: HandleBatchDeps): void {
  const { assignment, committer, topic, metrics, log, onFatal } = handling;
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    committer.forget();
    metrics.lag.reset();
    assignment.assign(payload.memberAssignment[topic] ?? []);
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    const { batchSize, firstOffset, lastOffset } = payload;
    const partition = assignment.get(payload.partition);
    if (batchSize > 0 || !partition || firstOffset === null || lastOffset === null) return;
    const offsets = {
      first: BigInt(firstOffset),
      last: BigInt(lastOffset),
      highWatermark: BigInt(payload.highWatermark),
    };
    passOver(partition, offsets, handling);
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    log.warn(
      { event: "kafka.consumer-crash", err: error, restart },
      `the consumer ${restart ? "starts anew" : "ends"}`,
    );
    if (!restart) onFatal(error);
  });
}
