import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import type { LogBounds } from "../../ingestor/open-positions";
import type { Ledger } from "./ledger";

export interface CatchUpDeps {
  readonly ledger: Pick<Ledger, "readPositions" | "readUndelivered">;
  readonly admin: Pick<Admin, "fetchOffsets">;
  readonly topic: string;
  /** Kafka's id of it; positions in another topic of that name are none in this one. */
  readonly topicId?: string | undefined;
  /** The ingestor's consumer group. */
  readonly group: string;
  readonly bounds: readonly LogBounds[];
  readonly waitMs: number;
  /** Told what is waited for, now and then. */
  readonly onWait: (missing: string) => void;
}

const LOOK_EVERY_MS = 250;
const SAY_EVERY_MS = 5_000;
/** Longer than the two seconds after which an idle ingestor compares its positions with PostgreSQL's, and moves them. */
const SETTLED_MS = 3_000;

/**
 * Waits until the ingestor has reached the ends and delivered its dead letters, or the time is up; which of these, the
 * comparison will tell.
 *
 * A position comes to stand behind what holds no records too (a transaction's control records), within two seconds. Of an
 * ingestor that was stopped before that only Kafka knows how far it had seen: one that has committed the end, and whose
 * position does not move any more, is there as well.
 */
export async function catchUp(deps: CatchUpDeps): Promise<void> {
  const start = performance.now();
  let lastPositions = "";
  let movedAt = start;
  let saidAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const { nextOffsets } = await deps.ledger.readPositions(deps.topic, deps.topicId);
    const now = performance.now();
    const positions = JSON.stringify([...nextOffsets].map(String));
    if (positions !== lastPositions) movedAt = now;
    lastPositions = positions;

    const behind = deps.bounds.filter(({ partition, low, high }) => high > (nextOffsets.get(partition) ?? low));
    const hasArrived =
      behind.length === 0 || (now - movedAt > SETTLED_MS && (await hasCommitted(deps, behind).catch(() => false)));
    const waiting = hasArrived ? await countWaitingLetters(deps) : 0;
    if ((hasArrived && waiting === 0) || now - start >= deps.waitMs) return;
    if (now - saidAt >= SAY_EVERY_MS) {
      saidAt = now;
      const offsets = behind.reduce(
        (sum, { partition, low, high }) => sum + high - (nextOffsets.get(partition) ?? low),
        0n,
      );
      deps.onWait(hasArrived ? `${waiting} dead letters to be delivered` : `${offsets} offsets to be ingested`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

async function hasCommitted({ admin, group, topic }: CatchUpDeps, behind: readonly LogBounds[]): Promise<boolean> {
  const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return behind.every(({ partition, high }) => (offsets.get(partition) ?? -1n) >= high);
}

/** Those of records that came in later do not hold the audit up for ever. */
async function countWaitingLetters({ ledger, topic, bounds }: CatchUpDeps): Promise<number> {
  const ends = new Map(bounds.map(({ partition, high }) => [partition, high]));
  const rows = await ledger.readUndelivered(topic);
  return rows.filter(({ partition, offset, refusal }) => refusal === null && offset < (ends.get(partition) ?? 0n))
    .length;
}
