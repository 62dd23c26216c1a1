import { setImmediate as nextTurn } from "node:timers/promises";
import type { KafkaMessage } from "kafkajs";
import type { Verdict } from "./judge";
import { type JudgedRecord, judgeMessage, judgeMessageBy, sizeOf } from "./judged-record";

/** What one transaction takes: so many records, or so many bytes, or a single record of any size. */
export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** The records of one transaction. */
export interface Portion {
  readonly judged: readonly JudgedRecord[];
  readonly lastOffset: bigint;
  readonly lastMessage: KafkaMessage | undefined;
}

/**
 * Judging this much takes 2 to 3 ms; then the transactions in flight have their turn, or PostgreSQL would wait for the
 * judge before each of their statements.
 */
const BYTES_JUDGED_AT_ONCE = 131_072;

/**
 * Judges what one fetch has brought of a partition, from its position on, in portions for a transaction each. One portion
 * is judged while the last is being stored, and no more: verdicts hold memory.
 */
export async function* judgeInPortions(
  messages: readonly KafkaMessage[],
  position: bigint,
  limits: BatchLimits,
): AsyncGenerator<Portion> {
  let ahead: Promise<Portion> | undefined;
  for (const portion of splitIntoPortions(messages, position, limits)) {
    const judged = ahead;
    ahead = inTurn(() => judgePortion(portion, position));
    // It is thrown where it is awaited, or belongs to a batch that has been given up.
    ahead.catch(() => {});
    if (judged) yield await judged;
  }
  if (ahead) yield await ahead;
}

/** The same one record at a time, by a judge that takes its time; each is stored before the next is judged. */
export async function* judgeOneByOne(
  messages: readonly KafkaMessage[],
  position: bigint,
  judgeApart: (value: Buffer | null) => Promise<Verdict | undefined>,
): AsyncGenerator<Portion | undefined> {
  for (const message of messages) {
    if (BigInt(message.offset) < position) continue;
    const record = await judgeMessageBy(message, position, judgeApart);
    yield record && { judged: [record], lastOffset: record.lastOffset, lastMessage: message };
  }
}

function* splitIntoPortions(
  messages: readonly KafkaMessage[],
  position: bigint,
  limits: BatchLimits,
): Generator<readonly KafkaMessage[]> {
  let portion: KafkaMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (BigInt(message.offset) < position) continue;
    const size = sizeOf(message);
    if (portion.length > 0 && (portion.length >= limits.records || bytes + size > limits.bytes)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(message);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * One portion at a time, whichever partition it is of. Judged side by side, all would be ready at the same moment: first
 * PostgreSQL would have nothing to do, and then the judge.
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work, work);
  lastTurn = turn;
  return turn;
}

async function judgePortion(messages: readonly KafkaMessage[], position: bigint): Promise<Portion> {
  const judged: JudgedRecord[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (bytes >= BYTES_JUDGED_AT_ONCE) {
      await nextTurn();
      bytes = 0;
    }
    judged.push(judgeMessage(message, position));
    bytes += sizeOf(message);
  }
  return { judged, lastOffset: judged.at(-1)?.lastOffset ?? position, lastMessage: messages.at(-1) };
}
