import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/**
 * The broker's threads that wake by themselves only to look whether something is over, one to five times a second each,
 * which has no settings: waits that have an end, the rates of its metrics, quotas and share groups that nobody has. What
 * comes in by a socket or a queue wakes them at once all the same. As Linux knows them, by 15 letters.
 *
 * Not among them are the JVM's thread that stops all others, which sleeps meanwhile (of 40 stops under load two took a
 * tenth of a second when the whole JVM could be woken a tenth late), and the coordinator of groups, which tells after how
 * long a consumer that was killed is missed.
 */
export const CLOCK_WATCHERS = [
  "ExpirationReaper-",
  "raft-expiration-reaper",
  "data-plane-kafka-",
  "metrics-meter-tick-",
  "broker-1-Throttled",
  "controller-1-Throttled",
  "client-metrics-reaper",
  "share-coordinator-",
  "share-group-lock-",
  "network-partition-",
  "SensorExpiryThread",
  "Monitor Deflation Thread",
].map((name) => name.slice(0, 15));

const LATE_BY_NS = 1_000_000_000;

/**
 * Lets Linux wake those threads of a Kafka up to a second late, together with whatever wakes the processor anyway: half
 * of what an idle broker takes are these wake-ups. Only root may say so of another process (CAP_SYS_NICE); elsewhere, and
 * for anybody else, nothing is changed.
 *
 * @returns for how many threads it was said
 */
export function wakeLate(pid: number): number {
  return threadsOf(pid).filter((thread) => isWatcher(pid, thread) && mayBeLate(thread)).length;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function isWatcher(pid: number, thread: string): boolean {
  try {
    const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8");
    return CLOCK_WATCHERS.some((watcher) => name.startsWith(watcher));
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

function mayBeLate(thread: string): boolean {
  try {
    writeFileSync(`/proc/${thread}/timerslack_ns`, String(LATE_BY_NS));
    return true;
  } catch {
    return false;
  }
}
