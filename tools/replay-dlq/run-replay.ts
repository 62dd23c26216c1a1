import type { Admin, Kafka, Producer } from "kafkajs";
import type { ApartJudge } from "../../ingestor/judge-apart";
import type { LogBounds } from "../../ingestor/open-positions";
import { fetchTopicId } from "../../runtime/kafka/topic-id";
import type { Progress } from "../progress";
import { UsageError } from "../usage-error";
import { countProgress, earlier, later, readLogBounds, type WalkedRange, walkTopic } from "../walk-topic";
import { awaitOutcomes } from "./await-outcomes";
import { findSent } from "./find-sent";
import type { Ledger } from "./ledger";
import { createFilter, type Letter, readLetter } from "./letter";
import type { OffsetWish, ReplayOptions } from "./options";
import { createPace, type Pace } from "./pace";
import { describeProgress, type Report } from "./report";
import { sendReady } from "./send";
import { type Decision, type ReadyLetter, sift } from "./sift";

export interface ReplayDeps {
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** Only where something is to be sent. */
  readonly producer: Producer;
  readonly ledger: Ledger;
  readonly apart: ApartJudge;
  readonly topic: string;
  readonly dlqTopic: string;
  readonly options: ReplayOptions;
  readonly report: Report;
  readonly progress: Progress;
  /** Ends it between two requests; what is not done then is done by the next run. */
  readonly signal: AbortSignal;
}

/** What is sent to, from where on it is looked for, and how fast. */
interface Target {
  readonly epoch: number;
  readonly ends: Map<number, bigint>;
  readonly pace: Pace;
}

/** Letters that are decided about and sent before the next: so many a second operator may mend in vain. */
const SLICE = 250;

/**
 * Brings dead letters back: finishes what an interrupted run has left, walks the dead-letter topic up to where it ends
 * now, decides about each letter, sends what is to be sent, and waits for what becomes of it. Holds one range of the
 * topic at a time. A dry run ends with the decisions.
 *
 * @returns how many of the records sent have no known outcome yet
 */
export async function replay(deps: ReplayDeps): Promise<number> {
  const { kafka, admin, ledger, dlqTopic, options, progress, signal } = deps;
  const logs = await readLogBounds(admin, dlqTopic);
  const bounds = narrow(logs, options.dlqOffsets);
  if (bounds.length === 0 && options.dlqOffsets) progress.say(describeLogs(dlqTopic, logs));
  const target = await openTarget(deps);
  if (options.go) await resume(target, deps);

  // Beside Ctrl-C, what is asked for at most ends the walk.
  const enough = new AbortController();
  let ready = 0;
  let done = 0n;
  const total = bounds.reduce((sum, { low, high }) => sum + high - low, 0n);
  const count = countProgress(dlqTopic, bounds, (_, walked) => {
    done = walked;
  });
  await walkTopic(kafka, admin, {
    topic: dlqTopic,
    group: "orders-replay-dlq",
    bounds,
    signal: AbortSignal.any([signal, enough.signal]),
    onRange: async (range) => {
      ready += await replayRange(range, (options.limit ?? Number.POSITIVE_INFINITY) - ready, target, deps);
      if (ready >= (options.limit ?? Number.POSITIVE_INFINITY)) enough.abort();
      count(range.to - range.from);
      progress.show(() => describeProgress(done, total, ready, options.go ? "sent" : "to be sent"));
    },
  });
  if (!options.go || !options.wait) return 0;
  return awaitOutcomes(ledger, signal, (text) => progress.say(text));
}

function narrow(bounds: readonly LogBounds[], wish: OffsetWish | undefined): LogBounds[] {
  if (!wish) return [...bounds];
  return bounds.flatMap(({ partition, low, high }) => {
    if (wish.partition !== undefined && wish.partition !== partition) return [];
    const from = later(wish.first, low);
    const to = wish.last === undefined ? high : earlier(wish.last + 1n, high);
    return from < to ? [{ partition, low: from, high: to }] : [];
  });
}

/** For whoever asked for offsets that are not there. */
function describeLogs(dlqTopic: string, logs: readonly LogBounds[]): string {
  const held = logs.map(({ partition, low, high }) =>
    low < high ? `${partition}:${low}-${high - 1n}` : `none in partition ${partition}`,
  );
  return `${dlqTopic} has none of these --dlq-offsets; it has ${held.join(", ")}`;
}

async function openTarget({ ledger, admin, topic, options }: ReplayDeps): Promise<Target> {
  const epoch = await ledger.readEpoch(topic);
  if (epoch === undefined) {
    throw new UsageError(
      `the database of DATABASE_URL has never ingested ${JSON.stringify(topic)}: is it the right one, and KAFKA_TOPIC?`,
    );
  }
  const positions = await ledger.readPositions(epoch.id);
  const topicId = await fetchTopicId(admin, topic);
  const bounds = await readLogBounds(admin, topic);
  const ends = new Map(bounds.map(({ partition, high }) => [partition, high]));
  const isAnother = epoch.topicId !== null && topicId !== undefined && epoch.topicId !== topicId;
  const endsBefore = positions.some(({ partition, nextOffset }) => (ends.get(partition) ?? 0n) < nextOffset);
  // In this epoch's books the places of a new life's records would be those of other records.
  if (isAnother || endsBefore) {
    throw new Error(
      `${topic} is not the topic any more that was ingested: it was made anew, and no ingestor has noticed yet. ` +
        "Start the ingestor, then give the same command again",
    );
  }
  return { epoch: epoch.id, ends, pace: createPace(options.rate) };
}

/** Finds out which records of interrupted runs Kafka has; the others may be sent by whoever comes to them. */
async function resume({ epoch }: Target, { kafka, ledger, topic, options, progress }: ReplayDeps): Promise<void> {
  const uncertain = await ledger.adopt();
  if (uncertain.length === 0) return;
  progress.say(`an interrupted run had ${uncertain.length} letters in hand: looking for them in ${topic}`);
  // What another life of the topic had is gone with it.
  const lookedFor = uncertain.filter((each) => each.epoch === epoch);
  const found = await findSent(lookedFor, { kafka, topic });
  await ledger.markSent(found.sent);
  await ledger.giveBack([...found.absent, ...uncertain.filter((each) => each.epoch !== epoch)]);
  // What nobody can know any more: a second one would be a duplicate, which is told as one.
  if (options.force) await ledger.giveBack(found.unknown);
  progress.say(`${found.sent.length} of them had been sent`);
}

/** @returns how many of the range were, or would be, sent */
async function replayRange(range: WalkedRange, limit: number, target: Target, deps: ReplayDeps): Promise<number> {
  const isMeant = createFilter(deps.options);
  const letters = range.messages.flatMap((message): Letter[] => {
    const letter = readLetter(message, range.partition, deps.topic);
    deps.report.lookThrough(letter ? 1 : 0);
    return letter && isMeant(letter) ? [letter] : [];
  });
  let ready = 0;
  for (let at = 0; at < letters.length && ready < limit && !deps.signal.aborted; at += SLICE) {
    ready += await replaySlice(letters.slice(at, at + SLICE), limit - ready, target, deps);
  }
  return ready;
}

async function replaySlice(
  letters: readonly Letter[],
  limit: number,
  target: Target,
  { kafka, producer, ledger, apart, topic, options, report, signal, progress }: ReplayDeps,
): Promise<number> {
  const decisions = upTo(limit, await sift(letters, { ledger, apart, client: ledger.client, options, signal }));
  // Ctrl-C ends the commands of --edit as well: their letters are none that could not be mended.
  if (signal.aborted) return 0;
  const ready = decisions.filter((each): each is ReadyLetter => each.kind === "ready");
  if (!options.go) {
    report.add(decisions);
    return ready.length;
  }
  const { staying, untouched } = await sendReady(ready, {
    ...{ ledger, producer, topic, signal, ...target },
    rate: options.rate,
    findSent: (uncertain) => findSent(uncertain, { kafka, topic }),
    say: (text) => progress.say(text),
  });
  const stayed = new Map(staying.map((each) => [each.letter, each]));
  report.add(decisions.filter(({ letter }) => !untouched.has(letter)).map((each) => stayed.get(each.letter) ?? each));
  return ready.length - staying.length - untouched.size;
}

/** The decisions up to the last letter that may be sent. */
function upTo(limit: number, decisions: readonly Decision[]): readonly Decision[] {
  let ready = 0;
  const end = decisions.findIndex(({ kind }) => kind === "ready" && ++ready > limit);
  return end === -1 ? decisions : decisions.slice(0, end);
}
