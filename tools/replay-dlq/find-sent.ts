import { setTimeout as delay } from "node:timers/promises";
import type { Admin, Kafka } from "kafkajs";
import { readReplayClaim } from "../../ingestor/dead-letter";
import { contentDigestOf } from "../../ingestor/judged-record";
import type { LogBounds } from "../../ingestor/open-positions";
import { headerBytesOf } from "../../runtime/kafka/headers";
import { seeingUncommitted } from "../../runtime/kafka/uncommitted";
import { earlier, later, readLogBounds, walkTopic } from "../walk-topic";
import type { SentReplay, UncertainReplay } from "./ledger";
import { nameOf } from "./letter";

export interface FindSentDeps {
  readonly kafka: Kafka;
  readonly topic: string;
}

export interface FoundReplays {
  readonly sent: readonly SentReplay[];
  readonly absent: readonly UncertainReplay[];
  /** Kafka has deleted the part of the log where they would be. */
  readonly unknown: readonly UncertainReplay[];
}

/**
 * A request that a process wrote before it died may still lie in the broker's socket. A broker that answers has had its
 * turn at that socket long before this time is over; what comes in even later is a duplicate, and counted as one.
 */
const SETTLE_MS = 1_000;

/**
 * Looks into the topic for replays whose sending was interrupted: by name, number and content, from where it began to
 * where the log really ends. Somebody's open transaction does not hide what was sent behind its first record.
 */
export async function findSent(replays: readonly UncertainReplay[], deps: FindSentDeps): Promise<FoundReplays> {
  if (replays.length === 0) return { sent: [], absent: [], unknown: [] };
  const admin = seeingUncommitted(deps.kafka).admin();
  await admin.connect();
  try {
    await readLogBounds(admin, deps.topic);
    await delay(SETTLE_MS);
    return await lookFor(replays, admin, deps);
  } finally {
    await admin.disconnect();
  }
}

async function lookFor(
  replays: readonly UncertainReplay[],
  admin: Pick<Admin, "deleteGroups" | "fetchTopicOffsets">,
  { kafka, topic }: FindSentDeps,
): Promise<FoundReplays> {
  const logs = await readLogBounds(admin, topic);
  const lows = new Map(logs.map(({ partition, low }) => [partition, low]));

  const sought = new Map(replays.map((replay) => [nameOf(replay), replay]));
  const sent = new Map<string, SentReplay>();
  await walkTopic(kafka, admin, {
    topic,
    readUncommitted: true,
    group: "orders-replay-dlq",
    bounds: boundsOf(replays, logs),
    onRange: async ({ partition, messages }) => {
      for (const message of messages) {
        const claim = readReplayClaim(headerBytesOf(message));
        const replay = claim && sought.get(nameOf(claim));
        if (replay?.partition !== partition || sent.has(nameOf(replay))) continue;
        if (!contentDigestOf(message).equals(replay.digest)) continue;
        sent.set(nameOf(replay), { id: replay.id, replay: replay.replay, offset: BigInt(message.offset) });
      }
    },
  });
  const missing = replays.filter((replay) => !sent.has(nameOf(replay)));
  const isCut = ({ partition, searchFrom }: UncertainReplay): boolean => (lows.get(partition) ?? 0n) > searchFrom;
  return {
    sent: [...sent.values()],
    absent: missing.filter((replay) => !isCut(replay)),
    unknown: missing.filter(isCut),
  };
}

/** Of each partition, what is behind the earliest place that one of them may have. */
function boundsOf(replays: readonly UncertainReplay[], logs: readonly LogBounds[]): LogBounds[] {
  return logs.flatMap(({ partition, low, high }) => {
    const places = replays.filter((each) => each.partition === partition).map(({ searchFrom }) => searchFrom);
    const from = later(places.reduce(earlier, high), low);
    return from < high ? [{ partition, low: from, high }] : [];
  });
}
