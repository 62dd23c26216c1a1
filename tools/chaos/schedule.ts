import { hash } from "node:crypto";
import { SeededRandom } from "../publish/seeded-random";

/** What can be done to the system, and to which of its parts. Names are stable: rows of docs/chaos.md count by them. */
export const faultTargets = {
  /** SIGKILL; the supervisor starts it again. */
  kill: ["ingestor-1", "ingestor-2", "reader-1", "reader-2", "kafka", "postgres", "redis"],
  /** SIGSTOP of every process of the part, then SIGCONT. */
  freeze: ["ingestor-1", "ingestor-2", "reader-1", "reader-2", "kafka", "postgres", "redis"],
  /** Told to stop as its operator would; the supervisor starts it again. */
  restart: ["ingestor-1", "ingestor-2", "reader-1", "reader-2", "kafka", "postgres", "redis"],
  /** Connections stay open and carry nothing, new ones too; afterwards the new ones work and the old stay dead. */
  "half-open": [
    "ingestor-1 kafka",
    "ingestor-1 postgres",
    "ingestor-1 redis",
    "ingestor-2 kafka",
    "ingestor-2 postgres",
    "ingestor-2 redis",
    "reader-1 postgres",
    "reader-2 postgres",
  ],
  /** FLUSHALL: every job is gone. */
  "flush-redis": ["redis"],
  /** NOTIFY is sent and does not arrive; nothing else is wrong. */
  "lost-notices": ["reader-1", "reader-2"],
  /** COMMIT is done, and its answer lost with the connection. */
  "lost-commits": ["ingestor-1", "ingestor-2"],
  /** A third ingestor joins the group, and leaves it. */
  rebalance: ["ingestor-3"],
  /** The topic gets one partition more. */
  "add-partition": ["kafka"],
  /** Some dead letters are sent again, though they will fail again; by a tool that is killed if it takes longer. */
  replay: ["dlq"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type FaultName = keyof typeof faultTargets;
export type FaultTarget = (typeof faultTargets)[FaultName][number];

export const targetNames = [...new Set<FaultTarget>(Object.values(faultTargets).flat())];
export const faultNames = Object.keys(faultTargets) as FaultName[];

export interface ScheduledFault {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly fault: FaultName;
  readonly target: FaultTarget;
  /** Milliseconds until it is undone; 0 where there is nothing to undo. */
  readonly duration: number;
}

/** How often each comes, relative to the others. */
const WEIGHTS: Readonly<Record<FaultName, number>> = {
  kill: 4,
  freeze: 4,
  restart: 2,
  "half-open": 3,
  "flush-redis": 1,
  "lost-notices": 1,
  "lost-commits": 2,
  rebalance: 1,
  "add-partition": 1,
  replay: 2,
};
const FIRST_AT_MS = 1_000;
const BETWEEN_MS = { least: 500, most: 3_500 };
const SHORT_MS = { least: 500, most: 5_000 };
/** Beyond the session of a consumer (6 s) and the patience with a silent transaction (10 s). */
const LONG_MS = { least: 9_000, most: 15_000 };
const LONG_SHARE = 1 / 3;
/** A part that was killed or restarted is left alone until it has had time to come back. */
const COMING_BACK_MS = 5_000;
const MOST_PARTITIONS_ADDED = 3;
/** Of the time before a run's end, in which what was broken last comes back under load. */
const CALM_MS = 2_000;

const INSTANT: ReadonlySet<FaultName> = new Set(["kill", "restart", "flush-redis", "add-partition"]);

/**
 * Which faults come when: the same for the same wish, on every machine. Faults of different parts overlap, those of one
 * part do not. All of them are over by the end. Pure.
 *
 * @param wish.seconds how long the run is
 * @param wish.faults those to choose from
 * @param wish.targets the parts to choose from
 */
export function makeSchedule(wish: {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly FaultName[];
  readonly targets: readonly FaultTarget[];
}): ScheduledFault[] {
  const random = new SeededRandom();
  random.restart(hash("sha256", `faults/${wish.seed}`, "buffer"));
  const end = wish.seconds * 1_000 - CALM_MS;
  const deck = wish.faults.flatMap((fault) => Array.from({ length: WEIGHTS[fault] }, () => fault));
  const busyUntil = new Map<string, number>();
  const schedule: ScheduledFault[] = [];
  let added = 0;
  for (let at = FIRST_AT_MS; at < end && deck.length > 0; at += random.integer(BETWEEN_MS.least, BETWEEN_MS.most)) {
    const fault = deck[random.integer(0, deck.length - 1)] as FaultName;
    const [first, ...others] = faultTargets[fault];
    const target = random.pick<FaultTarget>([first, ...others]);
    const isUnusual = random.next() < LONG_SHARE;
    // Most replays have the time to end well; the others are killed on the way, for a later one to go on.
    const length = isUnusual === (fault === "replay") ? SHORT_MS : LONG_MS;
    const duration = INSTANT.has(fault) ? 0 : Math.min(random.integer(length.least, length.most), end - at);
    if (!wish.targets.includes(target)) continue;
    if ((busyUntil.get(target) ?? 0) > at) continue;
    if (fault === "add-partition" && added++ >= MOST_PARTITIONS_ADDED) continue;
    busyUntil.set(target, at + duration + COMING_BACK_MS);
    schedule.push({ at, fault, target, duration });
  }
  return schedule;
}
