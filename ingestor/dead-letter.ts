import { isUtf8 } from "node:buffer";
import { countHeaders, decodeHeaders, type Header, type HeaderList } from "../runtime/kafka/headers";
import type { RejectReason } from "./judge";

/**
 * The headers of a dead letter, in both directions: the ingestor writes them, the replay tool and the audit read them.
 * UTF-8, one each, together far below 8 KiB, and never a value of the document.
 */
export interface DeadLetterInfo {
  /** topic:epoch:partition:offset of the first failure; a second copy of a dead letter has the same. */
  readonly id: string;
  readonly reason: RejectReason;
  /** The first mistakes, one a line. */
  readonly errors: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly firstFailedAt: Date;
  readonly failedAt: Date;
  /** How often it has been brought back and failed again. */
  readonly replays: number;
}

const PREFIX = "x-dlq-";
/** The name that Spring's dead-letter tools look for. */
const ORIGINAL_TOPIC = "kafka_dlt-original-topic";
/** All other headers together are below 1.5 KiB: a topic's name has at most 249 bytes. */
const MAX_ERRORS_BYTES = 4_096;

/** Each header is an object once it is read: this many take some tens of MiB, thirty million took 4.7 GB. */
export const MOST_HEADERS = 100_000;

/** What a record says that is a dead letter brought back. Anybody can say so: only the ledger of the replays knows. */
export interface ReplayClaim {
  /** The dead letter's `x-dlq-id`. */
  readonly id: string;
  /** Which replay it is, counted from 1. */
  readonly replay: number;
}

// Made once: the names of a letter's headers cost as much as their values otherwise.
const [ID_HEADER, REASON_HEADER, ERRORS_HEADER, REPLAYS_HEADER] = [
  Buffer.from(`${PREFIX}id`),
  Buffer.from(`${PREFIX}reason`),
  Buffer.from(`${PREFIX}errors`),
  Buffer.from(`${PREFIX}replays`),
];
const [TOPIC_HEADER, PARTITION_HEADER, OFFSET_HEADER] = [
  Buffer.from(`${PREFIX}topic`),
  Buffer.from(`${PREFIX}partition`),
  Buffer.from(`${PREFIX}offset`),
];
const FIRST_FAILED_AT_HEADER = Buffer.from(`${PREFIX}first-failed-at`);
const FAILED_AT_HEADER = Buffer.from(`${PREFIX}failed-at`);
const ORIGINAL_TOPIC_HEADER = Buffer.from(ORIGINAL_TOPIC);
/** A topic's name has at most 249 characters, the three numbers 39 digits at most. */
const LONGEST_ID = 300;

/** Names a record for ever: the epoch tells the lives of a topic apart, whose offsets begin again. */
export function deadLetterId(record: {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: bigint;
}): string {
  return `${record.topic}:${record.epoch}:${record.partition}:${record.offset}`;
}

/**
 * The headers to send: those of the record as they were, in order, repeated ones too, then ours. What came under our
 * names is left out, for a producer may have forged it.
 */
export function writeDeadLetterHeaders(original: HeaderList, info: DeadLetterInfo): HeaderList {
  return [
    ...withoutDeadLetterHeaders(original),
    header(ID_HEADER, info.id),
    header(REASON_HEADER, info.reason),
    header(ERRORS_HEADER, truncateUtf8(info.errors, MAX_ERRORS_BYTES)),
    header(TOPIC_HEADER, info.topic),
    header(PARTITION_HEADER, String(info.partition)),
    header(OFFSET_HEADER, String(info.offset)),
    header(FIRST_FAILED_AT_HEADER, info.firstFailedAt.toISOString()),
    header(FAILED_AT_HEADER, info.failedAt.toISOString()),
    header(REPLAYS_HEADER, String(info.replays)),
    header(ORIGINAL_TOPIC_HEADER, info.topic),
  ];
}

function header(key: Buffer, value: string): Header {
  return { key, value: Buffer.from(value) };
}

/** The record's own headers, without those that a dead letter adds. */
export function withoutDeadLetterHeaders(headers: HeaderList): HeaderList {
  return headers.filter(({ key }) => {
    const name = key.toString("latin1");
    return !name.startsWith(PREFIX) && name !== ORIGINAL_TOPIC;
  });
}

const ID = /^[A-Za-z0-9._-]{1,249}:\d{1,10}:\d{1,10}:\d{1,19}$/;
/** What a column of PostgreSQL takes for a partition and for a count. */
const MOST_INTEGER = 2 ** 31 - 1;
const LARGEST_OFFSET = 2n ** 63n - 1n;
const YEAR_10000 = Date.UTC(10_000, 0);

/** Reads the headers of a dead letter, or undefined if they are not complete or not what an ingestor writes. */
export function readDeadLetterHeaders(headers: HeaderList): DeadLetterInfo | undefined {
  const texts = new Map(headers.map(({ key, value }) => [key.toString("latin1"), value?.toString("utf8")]));
  const text = (name: string): string => texts.get(`${PREFIX}${name}`) ?? "";
  const firstFailedAt = new Date(text("first-failed-at"));
  const failedAt = new Date(text("failed-at"));
  const isCount = (name: string): boolean => /^\d{1,10}$/.test(text(name)) && Number(text(name)) <= MOST_INTEGER;
  const isOffset = /^\d{1,19}$/.test(text("offset")) && BigInt(text("offset")) <= LARGEST_OFFSET;
  const areTimes = [firstFailedAt, failedAt].every((time) => time.getTime() >= 0 && time.getTime() < YEAR_10000);
  if (!ID.test(text("id")) || !isCount("partition") || !isCount("replays") || !isOffset || !areTimes) return undefined;
  return {
    id: text("id"),
    reason: text("reason") as RejectReason,
    errors: text("errors"),
    topic: text("topic"),
    partition: Number(text("partition")),
    offset: BigInt(text("offset")),
    firstFailedAt,
    failedAt,
    replays: Number(text("replays")),
  };
}

/** The headers of a dead letter that is sent again: the record's own as they were, in order, then which one it is. */
export function writeReplayHeaders(letter: HeaderList, { id, replay }: ReplayClaim): HeaderList {
  return [
    ...withoutDeadLetterHeaders(letter),
    { key: ID_HEADER, value: Buffer.from(id) },
    { key: REPLAYS_HEADER, value: Buffer.from(String(replay)) },
  ];
}

/**
 * What `writeReplayHeaders` wrote, or undefined if it is nothing of the kind. Nearly every record is told by a look for
 * one name in its bytes.
 *
 * @param headers in Kafka's own form, as they came
 */
export function readReplayClaim(headers: Buffer): ReplayClaim | undefined {
  if (!headers.includes(ID_HEADER) || countHeaders(headers) > MOST_HEADERS) return undefined;
  const list = decodeHeaders(headers);
  const lastOf = (name: Buffer): Buffer | null | undefined => list.findLast(({ key }) => key.equals(name))?.value;
  const [id, replay] = [lastOf(ID_HEADER), lastOf(REPLAYS_HEADER)?.toString("latin1") ?? ""];
  if (!id || id.length > LONGEST_ID || !isUtf8(id) || id.includes(0) || !/^[1-9]\d{0,5}$/.test(replay))
    return undefined;
  return { id: id.toString("utf8"), replay: Number(replay) };
}

function truncateUtf8(text: string, maxBytes: number): string {
  // No character of a string takes more than three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - 3;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}…`;
}
