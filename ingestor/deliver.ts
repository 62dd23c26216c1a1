import { setTimeout as delay } from "node:timers/promises";
import { CompressionTypes, KafkaJSError, type Message, type Producer } from "kafkajs";
import { backoffMs } from "../runtime/backoff";
import { asKafkajsHeaders, countHeaders, decodeHeaders } from "../runtime/kafka/headers";
import type { Log } from "../runtime/log";
import { deadLetterId, MOST_HEADERS, writeDeadLetterHeaders } from "./dead-letter";
import { classifyFailure } from "./failure";
import type { RejectReason } from "./judge";
import type { Letter } from "./letter-source";
import type { IngestorMetrics } from "./metrics";
import type { Outbox } from "./outbox";

export interface DeliverDeps {
  readonly outbox: Outbox;
  readonly producer: Pick<Producer, "send">;
  readonly dlqTopic: string;
  readonly metrics: IngestorMetrics;
  readonly log: Log;
}

/** Rows that are asked for at once, of a job that may name more. */
const PORTION_ROWS = 500;
/** What is read and sent at once. A row alone may be larger: Kafka's limit for it is the dead-letter topic's. */
const PORTION_BYTES = 2 * 1_048_576;
/**
 * A record that came compressed may be far larger than the dead-letter topic's limit of 16 MiB, which is of what is sent:
 * it goes back compressed. Gzip, because every client of Kafka has it.
 */
const COMPRESSED_ABOVE_BYTES = 4 * 1_048_576;
/** A send that failed, and took so long, has waited for brokers: with the letters one by one it would outlast its lease. */
const SLOW_MS = 5_000;
/** So many single letters that Kafka does not take one after another are no letters' fault. */
const FAILED_IN_AN_OUTAGE = 3;
/** How long the brokers wait for all replicas: less than the client waits for the brokers, or it would send again. */
const BROKER_TIMEOUT_MS = 10_000;

/**
 * Sends the named rows of the outbox, whose ids are in order, to the dead-letter topic and marks them delivered once all
 * replicas have them. Whoever asks twice, or dies in between, causes at most a second copy with the same `x-dlq-id`.
 *
 * What it has taken it does not forget while PostgreSQL is away: it waits, and marks what was sent.
 *
 * @throws when Kafka or the database cannot be reached, or some rows could not be sent for another cause and all others
 *   are; the rows that were not sent are free again then
 */
export type Deliver = (ids: readonly bigint[]) => Promise<void>;

/** Several calls may be under way: what they name is sent in the order of the calls, while what was sent is being marked. */
export function createDelivery(deps: DeliverDeps): Deliver {
  let turn: Promise<unknown> = Promise.resolve();
  return async (ids) => {
    const failures: unknown[] = [];
    const sending = turn.then(() => sendPortions(ids, failures, deps));
    turn = sending.catch(() => {});
    await markSent(await sending, deps);
    if (failures.length > 0) throw failures[0];
  };
}

/** Sends portion by portion; what was sent last is left to be marked. @param failures takes those of single letters */
async function sendPortions(
  ids: readonly bigint[],
  failures: unknown[],
  deps: DeliverDeps,
): Promise<readonly Letter[]> {
  let sent: readonly Letter[] = [];
  for (let rest = ids; rest.length > 0; ) {
    await markSent(sent, deps);
    sent = [];
    const named = rest.slice(0, PORTION_ROWS);
    const portion = await deps.outbox.take(named, PORTION_BYTES).catch(async (error: unknown) => {
      // They may have been taken, and only the answer got lost.
      await insist(() => deps.outbox.release(named), deps);
      throw error;
    });
    const last = portion.at(-1);
    rest = last ? rest.filter((id) => id > last.id) : rest.slice(named.length);
    sent = await send(portion, failures, deps).catch(async (error: unknown) => {
      await insist(() => deps.outbox.release(portion.map(({ id }) => id)), deps);
      if (isOfKafka(error)) throw error;
      failures.push(error);
      return [];
    });
  }
  return sent;
}

/** @returns those that were sent and are still to be marked: some may be refused, for good */
async function send(letters: readonly Letter[], failures: unknown[], deps: DeliverDeps): Promise<readonly Letter[]> {
  const tooMany = letters.filter(({ headers }) => countHeaders(viewOf(headers)) > MOST_HEADERS);
  for (const letter of tooMany) await refuse(letter, "TOO_MANY_HEADERS", deps);
  const sendable = tooMany.length > 0 ? letters.filter((letter) => !tooMany.includes(letter)) : letters;
  const [first] = sendable;
  if (!first) return [];
  const bytes = sendable.reduce(
    (sum, { key, value, headers }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + headers.length,
    0,
  );
  const startedAt = performance.now();
  try {
    await deps.producer.send({
      topic: deps.dlqTopic,
      acks: -1,
      timeout: BROKER_TIMEOUT_MS,
      compression: bytes > COMPRESSED_ABOVE_BYTES ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: sendable.map(toMessage),
    });
    return sendable;
  } catch (error) {
    const { action, code } = classifyFailure(error);
    deps.metrics.deliveryFailures.inc();
    deps.log.warn(
      { event: "dead-letter.send-failed", code, rows: sendable.length },
      `dead letters wait: Kafka says ${code}`,
    );
    const isRefusal = action === "isolate";
    if (sendable.length === 1) {
      if (!isRefusal) throw error;
      await refuse(first, code, deps);
      return [];
    }
    if (!isRefusal && isSlow(startedAt)) throw error;
    await sendSingly(sendable, failures, deps);
    return [];
  }
}

/** One that cannot be sent must not hold up those beside it, unless none can be: that is an outage. */
async function sendSingly(letters: readonly Letter[], failures: unknown[], deps: DeliverDeps): Promise<void> {
  let failedInARow = 0;
  for (const letter of letters) {
    const startedAt = performance.now();
    const result = await send([letter], failures, deps).catch((error: unknown) => ({ error }));
    if (!("error" in result)) {
      failedInARow = 0;
      await markSent(result, deps);
    } else if ((isOfKafka(result.error) && ++failedInARow === FAILED_IN_AN_OUTAGE) || isSlow(startedAt)) {
      throw result.error;
    } else {
      failures.push(result.error);
      await insist(() => deps.outbox.release([letter.id]), deps);
    }
  }
}

/** A letter that could not even be made says nothing of Kafka, however many lie together. */
function isOfKafka(error: unknown): boolean {
  return error instanceof KafkaJSError;
}

function isSlow(startedAt: number): boolean {
  return performance.now() - startedAt > SLOW_MS;
}

/**
 * Does what ends a lease, however long PostgreSQL is away. If it were given up, nobody could have these rows until their
 * lease has run out, long after PostgreSQL's return.
 */
async function insist(act: () => Promise<void>, { log }: DeliverDeps): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      const { action, code } = classifyFailure(error);
      if (action === "stop") throw error;
      log.debug({ event: "dead-letter.lease-kept", code }, `a lease cannot be ended yet: PostgreSQL says ${code}`);
      await delay(backoffMs(attempt));
    }
  }
}

async function markSent(letters: readonly Letter[], deps: DeliverDeps): Promise<void> {
  if (letters.length === 0) return;
  const { outbox, metrics, log } = deps;
  await insist(() => outbox.markDelivered(letters.map(({ id }) => id)), deps);
  const byReason = new Map<string, number>();
  for (const { reason } of letters) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  for (const [reason, count] of byReason) metrics.deadLetters.inc({ reason, outcome: "delivered" }, count);
  log.debug({ event: "dead-letter.delivered", rows: letters.length }, `${letters.length} dead letters delivered`);
}

async function refuse({ id, reason }: Letter, code: string, { outbox, metrics, log }: DeliverDeps): Promise<void> {
  await outbox.markRefused(id, code);
  metrics.deadLetters.inc({ reason, outcome: "refused" });
  log.error(
    { event: "dead-letter.refused", outboxId: id.toString(), code },
    `dead letter ${id} cannot be sent (${code}); it stays in the outbox`,
  );
}

/** The dead letter of a row: key, value, timestamp and own headers of the record as they were. */
export function toMessage(row: Letter): Message {
  const headers = writeDeadLetterHeaders(decodeHeaders(viewOf(row.headers)), {
    id: row.dlqId ?? deadLetterId(row),
    reason: row.reason as RejectReason,
    errors: row.lastOffset > row.offset ? `${row.errors}\n/ stands for offsets to ${row.lastOffset}` : row.errors,
    topic: row.topic,
    partition: row.partition,
    offset: row.offset,
    firstFailedAt: row.firstFailedAt ?? row.failedAt,
    failedAt: row.failedAt,
    replays: row.replays,
  });
  return {
    key: row.key && viewOf(row.key),
    value: row.value && viewOf(row.value),
    timestamp: row.timestamp.toString(),
    headers: asKafkajsHeaders(headers),
  };
}

/** The same bytes, and no copy of them. */
function viewOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
