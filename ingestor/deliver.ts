import { CompressionTypes, type Message, type Producer } from "kafkajs";
import type { OutboxRow } from "../prisma/generated/client";
import { asKafkajsHeaders, countHeaders, decodeHeaders } from "../runtime/kafka/headers";
import type { Log } from "../runtime/log";
import { deadLetterId, MOST_HEADERS, writeDeadLetterHeaders } from "./dead-letter";
import { classifyFailure } from "./failure";
import type { RejectReason } from "./judge";
import type { IngestorMetrics } from "./metrics";
import type { LeasedRow, Outbox } from "./outbox";

export interface DeliverDeps {
  readonly outbox: Outbox;
  readonly producer: Pick<Producer, "send">;
  readonly dlqTopic: string;
  readonly metrics: IngestorMetrics;
  readonly log: Log;
}

/** What is read and sent at once. A row alone may be larger: Kafka's limit for it is the dead-letter topic's. */
const PORTION_ROWS = 500;
const PORTION_BYTES = 1_048_576;
/**
 * A record that came compressed may be far larger than the dead-letter topic's limit of 16 MiB, which is of what is sent:
 * it goes back compressed. Gzip, because every client of Kafka has it.
 */
const COMPRESSED_ABOVE_BYTES = 4 * 1_048_576;
/** How long the brokers wait for all replicas: less than the client waits for the brokers, or it would send again. */
const BROKER_TIMEOUT_MS = 10_000;

/**
 * Sends the named rows of the outbox to the dead-letter topic and marks them delivered once all replicas have them.
 * Whoever asks twice, or dies in between, causes at most a second copy with the same `x-dlq-id`.
 *
 * @throws when Kafka or the database cannot be reached; the rows that were not sent are free again then
 */
export async function deliver(ids: readonly bigint[], deps: DeliverDeps): Promise<void> {
  const leased = await deps.outbox.lease(ids);
  const portions = splitByBytes(leased);
  for (const [index, portion] of portions.entries()) {
    try {
      await deliverPortion(portion, deps);
    } catch (error) {
      await deps.outbox.release(portions.slice(index).flat());
      throw error;
    }
  }
}

async function deliverPortion(ids: readonly bigint[], deps: DeliverDeps): Promise<void> {
  const rows = await deps.outbox.read(ids);
  const [row] = rows;
  if (rows.length === 1 && row && countHeaders(Buffer.from(row.headers)) > MOST_HEADERS) {
    return refuse(row, "TOO_MANY_HEADERS", deps);
  }
  const bytes = rows.reduce(
    (sum, each) => sum + (each.key?.length ?? 0) + (each.value?.length ?? 0) + each.headers.length,
    0,
  );
  try {
    await deps.producer.send({
      topic: deps.dlqTopic,
      acks: -1,
      timeout: BROKER_TIMEOUT_MS,
      compression: bytes > COMPRESSED_ABOVE_BYTES ? CompressionTypes.GZIP : CompressionTypes.None,
      messages: rows.map(toMessage),
    });
  } catch (error) {
    const { action, code } = classifyFailure(error);
    deps.metrics.deliveryFailures.inc();
    deps.log.warn(
      { event: "dead-letter.send-failed", code, rows: rows.length },
      `dead letters wait: Kafka says ${code}`,
    );
    if (action !== "isolate") throw error;
    if (rows.length === 1 && row) return refuse(row, code, deps);
    // One that Kafka will not take must not hold up those beside it.
    for (const id of ids) await deliverPortion([id], deps);
    return;
  }
  await deps.outbox.markDelivered(ids);
  for (const { reason } of rows) deps.metrics.deadLetters.inc({ reason, outcome: "delivered" });
  deps.log.debug({ event: "dead-letter.delivered", rows: ids.length }, `${ids.length} dead letters delivered`);
}

async function refuse({ id, reason }: OutboxRow, code: string, { outbox, metrics, log }: DeliverDeps): Promise<void> {
  await outbox.markRefused(id, code);
  metrics.deadLetters.inc({ reason, outcome: "refused" });
  log.error(
    { event: "dead-letter.refused", outboxId: id.toString(), code },
    `Kafka will not take dead letter ${id} (${code}); it stays in the outbox`,
  );
}

/** The dead letter of a row: key, value, timestamp and own headers of the record as they were. */
export function toMessage(row: OutboxRow): Message {
  const headers = writeDeadLetterHeaders(decodeHeaders(Buffer.from(row.headers)), {
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
    key: row.key && Buffer.from(row.key),
    value: row.value && Buffer.from(row.value),
    timestamp: row.timestamp.toString(),
    headers: asKafkajsHeaders(headers),
  };
}

function splitByBytes(rows: readonly LeasedRow[]): bigint[][] {
  const portions: bigint[][] = [];
  let portion: bigint[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (portion.length > 0 && (portion.length >= PORTION_ROWS || bytes + row.bytes > PORTION_BYTES)) {
      portions.push(portion);
      portion = [];
      bytes = 0;
    }
    portion.push(row.id);
    bytes += row.bytes;
  }
  if (portion.length > 0) portions.push(portion);
  return portions;
}
