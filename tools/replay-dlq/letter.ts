import type { KafkaMessage } from "kafkajs";
import { type DeadLetterInfo, readDeadLetterHeaders } from "../../ingestor/dead-letter";
import { TOMBSTONE } from "../../ingestor/judge";
import { type HeaderList, headersOf } from "../../runtime/kafka/headers";
import { undecodableOf } from "../../runtime/kafka/undecodable";
import { patternOf } from "../dlq/find-letters";
import type { LetterWish } from "./options";

/** A dead letter as it stands in the dead-letter topic. */
export interface Letter {
  readonly info: DeadLetterInfo;
  readonly dlqPartition: number;
  readonly dlqOffset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
}

/** One bringing back of a dead letter: what a row of the ledger is about. */
export interface ReplayName {
  readonly id: string;
  /** Which replay it is, counted from 1. */
  readonly replay: number;
}

/** @returns undefined for what is no dead letter of this topic */
export function readLetter(message: KafkaMessage, dlqPartition: number, topic: string): Letter | undefined {
  if (undecodableOf(message)) return undefined;
  const headers = headersOf(message);
  const info = readDeadLetterHeaders(headers);
  if (info?.topic !== topic) return undefined;
  const { key, value } = message;
  return { info, dlqPartition, dlqOffset: BigInt(message.offset), key, value, headers };
}

/** The next bringing back of this letter. */
export function nextReplayOf({ info }: Letter): ReplayName {
  return { id: info.id, replay: info.replays + 1 };
}

export function nameOf({ id, replay }: ReplayName): string {
  return `${id}#${replay}`;
}

/** False for a batch that could not be decoded, whose letter is its range of offsets. A tombstone's nothing is content. */
export function hasContent({ info, value }: Letter): boolean {
  return value !== null || info.errors.startsWith(TOMBSTONE);
}

/** The path of the first mistake, `*` for a place in a list. */
export function firstPathOf(errors: string): string {
  const [path = ""] = errors.split(/[ \n]/, 1);
  return path.replaceAll(/\/\d+(?=\/|$)/g, "/*");
}

/** Tells whether a letter is one of those that are meant; its offset in the dead-letter topic is not looked at. */
export function createFilter(wish: LetterWish): (letter: Letter) => boolean {
  const pattern = wish.path === undefined ? undefined : new RegExp(patternOf(wish.path));
  const ids = wish.id && new Set(wish.id);
  return (letter) => {
    const { id, reason, errors, failedAt } = letter.info;
    return (
      (!wish.reason || wish.reason.includes(reason)) &&
      (!pattern || pattern.test(errors)) &&
      (!ids || ids.has(id)) &&
      (!wish.since || failedAt >= wish.since) &&
      (!wish.until || failedAt < wish.until) &&
      (wish.order === undefined || carriesOrder(letter, wish.order))
    );
  };
}

function carriesOrder({ key, value }: Letter, orderId: string): boolean {
  if (key?.toString("utf8") === orderId) return true;
  if (value === null) return false;
  try {
    const parsed: unknown = JSON.parse(value.toString("utf8"));
    return (parsed as { readonly order_uid?: unknown } | null)?.order_uid === orderId;
  } catch {
    return false;
  }
}
