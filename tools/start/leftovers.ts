import { setTimeout as delay } from "node:timers/promises";
import { type Home, readObject, writeWhole } from "./home";
import { findRunOf, identify, isAlive, isProcessIdentity, type ProcessIdentity } from "./process-identity";
import { killTree } from "./process-tree";
import { StartError, type Steps } from "./steps";

/** Which processes this home has running, kept in a file so that the next start knows what a dead run left behind. */
export interface RunningRecord {
  set(name: string, pid: number): void;
  remove(name: string): void;
}

const FILE = "running.json";
/** Postgres and Kafka need a second or two to stop well after an accident; more would only try patience. */
const PATIENCE_MS = 6_000;
/** What a kill reaches is gone within milliseconds, unless its disk hangs. */
const KILL_PATIENCE_MS = 5_000;

export function createRunningRecord(home: Home): RunningRecord {
  const running: Record<string, ProcessIdentity> = {};
  const write = (): void => writeWhole(home.path(FILE), JSON.stringify(running));
  write();
  // A full disk ends Kafka; that nobody could write so must not keep it from being started again. The next change writes
  // what this one could not.
  const writeIfPossible = (): void => {
    try {
      write();
    } catch {
      // findLeftovers looks at the processes too.
    }
  };
  return {
    set(name, pid) {
      const identity = identify(pid);
      if (identity) running[name] = identity;
      writeIfPossible();
    },
    remove(name) {
      delete running[name];
      writeIfPossible();
    },
  };
}

/**
 * Ends the processes of an earlier run that are still alive. Call it with the home's lock taken.
 *
 * @throws StartError if one cannot be ended, such as another user's
 */
export async function endLeftovers(home: Home, steps: Steps): Promise<void> {
  for (const [name, identity] of findLeftovers(home)) {
    steps.say(`  ending the ${name} that an earlier run left behind (process ${identity.pid})`);
    signal(identity.pid, name === "Postgres" ? "SIGINT" : "SIGTERM");
    if (await isGone(identity, PATIENCE_MS)) continue;
    killTree(identity.pid);
    if (await isGone(identity, KILL_PATIENCE_MS)) continue;
    throw new StartError(
      `process ${identity.pid}, the ${name} of an earlier run, cannot be ended: end it (kill -9 ${identity.pid}, as its user or root), then npm start again`,
    );
  }
}

async function isGone(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isAlive(identity)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** Those that the record names; where it was lost, Kafka by its data. Postgres names its own process in its data. */
function findLeftovers(home: Home): [name: string, ProcessIdentity][] {
  const recorded = Object.entries(readObject(home.path(FILE))).filter(
    (entry): entry is [string, ProcessIdentity] => isProcessIdentity(entry[1]) && isAlive(entry[1]),
  );
  if (recorded.length > 0) return recorded;
  const kafka = findRunOf("java", ["kafka.Kafka", home.path("kafka/server.properties")]);
  return kafka === undefined ? [] : [["Kafka", kafka]];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in this moment, or is another user's.
  }
}
