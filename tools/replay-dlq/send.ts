import { CompressionTypes, type Message, type Producer, type RecordMetadata } from "kafkajs";
import { writeReplayHeaders } from "../../ingestor/dead-letter";
import { classifyFailure } from "../../ingestor/failure";
import { contentDigestOf } from "../../ingestor/judged-record";
import { asKafkajsHeaders } from "../../runtime/kafka/headers";
import { outlastOutage } from "../publish/outlast-outage";
import type { FoundReplays } from "./find-sent";
import type { Ledger, NewReplay, UncertainReplay } from "./ledger";
import { type Letter, nameOf } from "./letter";
import type { Pace } from "./pace";
import type { ReadyLetter, StayingLetter } from "./sift";

export interface SendDeps {
  readonly ledger: Pick<Ledger, "claim" | "markSent" | "refuse">;
  /** Must not try again by itself: what it had sent would be there twice. */
  readonly producer: Pick<Producer, "send">;
  readonly topic: string;
  readonly epoch: number;
  /** Per partition, an offset at or before its end; moved on by what is sent. */
  readonly ends: Map<number, bigint>;
  /** Looks whether Kafka has what was to be sent. */
  readonly findSent: (replays: readonly UncertainReplay[]) => Promise<FoundReplays>;
  /** Records a second, by which they are portioned. */
  readonly rate: number | undefined;
  /** Keeps to that rate over the whole run. */
  readonly pace: Pace;
  /** Ends the sending between two requests. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** A letter that is claimed, as it stands in the ledger. */
interface Claimed extends NewReplay {
  readonly ready: ReadyLetter;
}

export interface SendResult {
  /** What was not sent, because somebody else has it or Kafka refuses it. */
  readonly staying: readonly StayingLetter[];
  /** What was not come to before an abort. */
  readonly untouched: ReadonlySet<Letter>;
}

/** What is claimed and sent at once: kill -9 leaves no more than these to be looked for. */
const PORTION_RECORDS = 500;
/** Half of what a broker takes by default. A larger record stands alone, and goes compressed, as it may have come. */
const PORTION_BYTES = 524_288;
/** With a rate, requests are this often in a second, or as often as there are records. */
const PORTIONS_A_SECOND = 5;
/** How long the broker waits for its replicas: less than the client waits for it. */
const BROKER_TIMEOUT_MS = 10_000;
/** A broker that was killed is back, or its partitions have another leader, within half of that. */
const PATIENCE_MS = 60_000;

/**
 * Claims letters in the ledger and sends them, portion by portion, in their order.
 *
 * @throws when Kafka stays away for a minute, or PostgreSQL does; the ledger knows what was in hand
 */
export async function sendReady(letters: readonly ReadyLetter[], deps: SendDeps): Promise<SendResult> {
  const staying: StayingLetter[] = [];
  const untouched = new Set(letters.map(({ letter }) => letter));
  for (const portion of portionsOf(letters, deps.rate)) {
    await deps.pace(portion.length, deps.signal);
    if (deps.signal.aborted) break;
    staying.push(...(await sendPortion(portion, deps)));
    for (const { letter } of portion) untouched.delete(letter);
  }
  return { staying, untouched };
}

function* portionsOf(letters: readonly ReadyLetter[], rate: number | undefined): Generator<readonly ReadyLetter[]> {
  const records = Math.min(
    PORTION_RECORDS,
    Math.max(1, Math.floor((rate ?? Number.POSITIVE_INFINITY) / PORTIONS_A_SECOND)),
  );
  let portion: ReadyLetter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    if (portion.length > 0 && (portion.length >= records || bytes + sizeOf(letter) > PORTION_BYTES)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(letter);
    bytes += sizeOf(letter);
  }
  if (portion.length > 0) yield portion;
}

function sizeOf({ letter, mended }: ReadyLetter): number {
  const headers = letter.headers.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
  return (letter.key?.length ?? 0) + (mended ?? letter.value ?? "").length + headers;
}

async function sendPortion(portion: readonly ReadyLetter[], deps: SendDeps): Promise<StayingLetter[]> {
  const wanted = portion.map((ready) => describe(ready, deps.ends));
  const names = await deps.ledger.claim(deps.epoch, wanted);
  const staying = wanted
    .filter((each) => !names.has(nameOf(each)))
    .map(({ ready: { letter } }): StayingLetter => ({ kind: "stays", letter, why: "in-hand" }));
  const claimed = wanted.filter((each) => names.has(nameOf(each)));
  // One record batch for each partition: Kafka takes it whole or not at all.
  for (const partition of new Set(claimed.map((each) => each.partition))) {
    const group = claimed.filter((each) => each.partition === partition);
    staying.push(...(await sendPatiently(partition, group, deps)));
  }
  return staying;
}

function describe(ready: ReadyLetter, ends: ReadonlyMap<number, bigint>): Claimed {
  const { letter, next, mended, edit, orderId } = ready;
  // A topic that was made anew may have fewer partitions.
  const partition = ends.has(letter.info.partition) ? letter.info.partition : letter.info.partition % ends.size;
  return {
    ...next,
    ...{ ready, mended, edit, orderId, partition, firstFailedAt: letter.info.firstFailedAt },
    digest: contentDigestOf({ key: letter.key, value: mended ?? letter.value }),
    searchFrom: ends.get(partition) ?? 0n,
  };
}

async function sendPatiently(partition: number, group: readonly Claimed[], deps: SendDeps): Promise<StayingLetter[]> {
  const { ledger, signal, say } = deps;
  const deadline = performance.now() + PATIENCE_MS;
  for (let pending = group; ; ) {
    let metadata: RecordMetadata[];
    try {
      metadata = await produce(partition, pending, deps);
    } catch (error) {
      const { action, code } = classifyFailure(error);
      if (action === "isolate") return sendApart(partition, pending, code, deps);
      if (action === "stop" || signal.aborted || performance.now() > deadline) throw error;
      say(`Kafka says ${code}: looking for what it has, before anything is sent again`);
      const uncertain = pending.map((each) => ({ ...each, epoch: deps.epoch }));
      const found = await outlastOutage(() => deps.findSent(uncertain), signal);
      await ledger.markSent(found.sent);
      const absent = new Set(found.absent.map(nameOf));
      pending = pending.filter((each) => absent.has(nameOf(each)));
      if (pending.length > 0) continue;
      const unknown = new Set(found.unknown.map(nameOf));
      return group.filter((each) => unknown.has(nameOf(each))).map((each) => stay(each, "outcome-unknown"));
    }
    const first = BigInt(metadata[0]?.baseOffset ?? -1);
    if (first < 0n) throw new Error("Kafka has not told the offsets of what it took");
    await ledger.markSent(pending.map(({ id, replay }, index) => ({ id, replay, offset: first + BigInt(index) })));
    deps.ends.set(partition, first + BigInt(pending.length));
    return [];
  }
}

/** Kafka has refused a batch whole, because of one of its records or because of them together. */
async function sendApart(
  partition: number,
  group: readonly Claimed[],
  code: string,
  deps: SendDeps,
): Promise<StayingLetter[]> {
  const [first] = group;
  if (group.length === 1 && first) {
    await deps.ledger.refuse(group);
    return [stay(first, "refused-by-kafka", code)];
  }
  const half = Math.ceil(group.length / 2);
  const left = await sendPatiently(partition, group.slice(0, half), deps);
  return [...left, ...(await sendPatiently(partition, group.slice(half), deps))];
}

function stay({ ready }: Claimed, why: StayingLetter["why"], detail?: string): StayingLetter {
  return { kind: "stays", letter: ready.letter, why, ...(detail && { detail }) };
}

function produce(
  partition: number,
  group: readonly Claimed[],
  { producer, topic }: SendDeps,
): Promise<RecordMetadata[]> {
  const bytes = group.reduce((sum, { ready }) => sum + sizeOf(ready), 0);
  return producer.send({
    topic,
    acks: -1,
    timeout: BROKER_TIMEOUT_MS,
    compression: bytes > PORTION_BYTES ? CompressionTypes.GZIP : CompressionTypes.None,
    messages: group.map((claimed) => toMessage(claimed, partition)),
  });
}

/** With the time of now: Kafka's retention would delete what carries the time of its first publishing too early. */
function toMessage({ ready: { letter, mended }, ...name }: Claimed, partition: number): Message {
  const headers = asKafkajsHeaders(writeReplayHeaders(letter.headers, name));
  return { partition, key: letter.key, value: mended ?? letter.value, headers };
}
