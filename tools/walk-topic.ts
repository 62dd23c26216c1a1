import { randomUUID } from "node:crypto";
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";
import type { LogBounds } from "../ingestor/open-positions";
import { withHeartbeat } from "../ingestor/with-heartbeat";
import { fetchedOffsetOf } from "../runtime/kafka/fetched-offset";

/**
 * Reads a topic once, read-committed unless it is told otherwise, from where its log begins to ends that were captured before, in ranges of offsets
 * that follow each other without a hole.
 *
 * kafkajs reads by consumer groups only, so this makes a group of its own, commits nothing and removes it at the end. A
 * partition is `walking` (a cursor says up to where it has been told) or `walked` (paused). When the group is joined,
 * at the start or after a rebalance, every partition is sought to its cursor, so nothing is told twice. Offsets without
 * a record (control records, aborted and compacted ones) belong to the range of what follows them. When retention is
 * faster than the walk, the walk goes on where the log begins by then. It ends when every partition is walked, with the
 * first error of a listener, or when Kafka has been silent for too long. A listener may take its time: the group hears of
 * it meanwhile.
 */
export interface Walk {
  readonly topic: string;
  readonly bounds: readonly LogBounds[];
  /** Told range by range, a partition's in order; the messages are views into what was fetched. */
  readonly onRange: (range: WalkedRange) => Promise<void>;
  /** Ends the walk behind the range in hand. */
  readonly signal?: AbortSignal;
  /** Begins the name of the group. */
  readonly group?: string;
  /** Also what belongs to transactions that are open or aborted; by itself a walk tells what is committed. */
  readonly readUncommitted?: boolean;
}

export interface WalkedRange {
  readonly partition: number;
  /** Inclusive. Later than the end of the range before it only where Kafka has deleted what was between. */
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
  readonly messages: readonly KafkaMessage[];
}

interface Cursor extends LogBounds {
  /** Every offset below has been fetched. */
  seen: bigint;
  /** Every offset below has been told to the listener. */
  told: bigint;
}

/** What a listener gets at once; a single record may be larger. */
const RANGE_RECORDS = 2_000;
const RANGE_BYTES = 4 * 1_048_576;
const SILENCE_MS = 60_000;

/** The ends of a topic's logs; `high` is the end of what the admin's client may see. @throws kafkajs' error when there is no such topic */
export async function readLogBounds(admin: Pick<Admin, "fetchTopicOffsets">, topic: string): Promise<LogBounds[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
    .sort((a, b) => a.partition - b.partition);
}

/** Told how far a walk is: its topic, and offsets walked of how many. */
export type OnProgress = (topic: string, done: bigint, total: bigint) => void;

/** Adds up the offsets that a walk reports. */
export function countProgress(
  topic: string,
  bounds: readonly LogBounds[],
  onProgress: OnProgress,
): (offsets: bigint) => void {
  const total = bounds.reduce((sum, { low, high }) => sum + high - low, 0n);
  let done = 0n;
  return (offsets) => {
    done += offsets;
    onProgress(topic, done, total);
  };
}

/** @throws what `onRange` throws; an Error when Kafka is silent for a minute */
export async function walkTopic(kafka: Kafka, admin: Pick<Admin, "deleteGroups">, walk: Walk): Promise<void> {
  const cursors = new Map<number, Cursor>();
  for (const bounds of walk.bounds) {
    if (bounds.low < bounds.high) cursors.set(bounds.partition, { ...bounds, seen: bounds.low, told: bounds.low });
  }
  if (cursors.size === 0) return;
  const groupId = `${walk.group ?? "orders-audit"}-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: walk.readUncommitted ?? false,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 2 * 1_048_576,
    maxBytes: 16 * 1_048_576,
  });
  try {
    await consume(consumer, walk, cursors);
  } finally {
    await consumer.disconnect().catch(() => {});
    // An empty group disappears by itself in the end; not to wait for that is a courtesy.
    await admin.deleteGroups([groupId]).catch(() => {});
  }
  for (const { partition, told, high } of cursors.values()) {
    if (told < high && !walk.signal?.aborted) await walk.onRange({ partition, from: told, to: high, messages: [] });
  }
}

/** A walk under way: how far it is, what its listener has in hand, and how it ends. */
class Walking {
  /** Settles when the walk ends, with the error if it ends with one. */
  readonly ended: Promise<void>;
  #isOver = false;
  #isTelling = false;
  #settle: (error: unknown) => void = () => {};
  readonly #silence = setTimeout(() => this.#endSilent(), SILENCE_MS);

  constructor(
    private readonly consumer: Consumer,
    private readonly walk: Walk,
    private readonly cursors: ReadonlyMap<number, Cursor>,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    walk.signal?.addEventListener("abort", this.#stop);
    this.#stop();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  end(error?: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#silence);
    this.walk.signal?.removeEventListener("abort", this.#stop);
    this.#settle(error);
  }

  /** Sends every partition that is not walked back to its cursor. */
  seek(): void {
    const { topic } = this.walk;
    for (const { partition, seen, high } of this.cursors.values()) {
      if (seen < high) this.consumer.seek({ topic, partition, offset: seen.toString() });
    }
  }

  /** Nothing but control records or aborted ones: there is nothing to tell. */
  passOver(partition: number, lastOffset: bigint): void {
    const cursor = this.cursors.get(partition);
    if (cursor && !this.#isOver && lastOffset >= cursor.seen) this.#move(cursor, lastOffset + 1n);
  }

  /** Tells what a fetch has brought. @throws what a heartbeat does: a rebalance has to reach kafkajs */
  async take({ batch, heartbeat }: Pick<EachBatchPayload, "batch" | "heartbeat">): Promise<void> {
    const cursor = this.cursors.get(batch.partition);
    if (!cursor) return;
    const fetchedFrom = fetchedOffsetOf(batch);
    if (fetchedFrom > cursor.seen) cursor.told = cursor.seen = fetchedFrom;
    const messages = batch.messages.filter(({ offset }) => isBetween(BigInt(offset), cursor));
    for (const range of rangesOf(messages, BigInt(batch.lastOffset()) + 1n)) {
      if (this.#isOver) return;
      const to = earlier(range.to, cursor.high);
      const telling = this.#tell(cursor, { ...range, to });
      await withHeartbeat(heartbeat, telling).finally(() => telling);
      await heartbeat();
    }
  }

  async #tell(cursor: Cursor, range: Pick<WalkedRange, "messages" | "to">): Promise<void> {
    this.#isTelling = true;
    try {
      await this.walk.onRange({ partition: cursor.partition, from: cursor.told, ...range });
      cursor.told = range.to;
      this.#move(cursor, range.to);
      if (this.walk.signal?.aborted) this.end();
    } catch (error) {
      this.end(error);
    }
    this.#isTelling = false;
  }

  #move(cursor: Cursor, seen: bigint): void {
    cursor.seen = seen;
    this.#silence.refresh();
    if (seen >= cursor.high) this.consumer.pause([{ topic: this.walk.topic, partitions: [cursor.partition] }]);
    if ([...this.cursors.values()].every((each) => each.seen >= each.high)) this.end();
  }

  readonly #stop = (): void => {
    if (this.walk.signal?.aborted && !this.#isTelling) this.end();
  };

  #endSilent(): void {
    if (this.#isTelling) this.#silence.refresh();
    else this.end(new Error(`Kafka has sent nothing for ${SILENCE_MS / 1000} s`));
  }
}

async function consume(consumer: Consumer, walk: Walk, cursors: ReadonlyMap<number, Cursor>): Promise<void> {
  const walking = new Walking(consumer, walk, cursors);
  if (!walking.isOver) {
    consumer.on(consumer.events.GROUP_JOIN, () => walking.seek());
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, batchSize, lastOffset } }) => {
      if (batchSize === 0 && lastOffset !== null) walking.passOver(partition, BigInt(lastOffset));
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) walking.end(error);
    });
    consumer
      .connect()
      .then(() => consumer.subscribe({ topics: [walk.topic], fromBeginning: true }))
      .then(() => consumer.run({ autoCommit: false, eachBatch: (payload) => walking.take(payload) }))
      .catch((error: unknown) => walking.end(error));
  }
  await walking.ended;
}

function isBetween(offset: bigint, { seen, high }: Cursor): boolean {
  return offset >= seen && offset < high;
}

export function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export function later(a: bigint, b: bigint): bigint {
  return a < b ? b : a;
}

/** Cuts what a fetch has brought into pieces; the last piece ends where the fetch does, whatever records it has. */
export function* rangesOf(
  messages: readonly KafkaMessage[],
  end: bigint,
  limits = { records: RANGE_RECORDS, bytes: RANGE_BYTES },
): Generator<{ readonly messages: readonly KafkaMessage[]; readonly to: bigint }> {
  let start = 0;
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    bytes += (message.key?.length ?? 0) + (message.value?.length ?? 0);
    if (index + 1 - start < limits.records && bytes < limits.bytes) continue;
    if (index + 1 === messages.length) break;
    yield { messages: messages.slice(start, index + 1), to: BigInt(message.offset) + 1n };
    start = index + 1;
    bytes = 0;
  }
  yield { messages: messages.slice(start), to: end };
}
