import { setTimeout as delay } from "node:timers/promises";
import { type Home, readObject, writeWhole } from "./home";
import { findByCommandLine, identify, isAlive, isProcessIdentity, type ProcessIdentity } from "./process-identity";
import type { Steps } from "./steps";

/** Which processes this home has running, kept in a file so that the next start knows what a dead run left behind. */
export interface RunningRecord {
  set(name: string, pid: number): void;
  remove(name: string): void;
}

const FILE = "running.json";
/** Postgres and Kafka need a second or two to stop well after an accident; more would only try patience. */
const PATIENCE_MS = 6_000;

export function createRunningRecord(home: Home): RunningRecord {
  const running: Record<string, ProcessIdentity> = {};
  const write = (): void => writeWhole(home.path(FILE), JSON.stringify(running));
  write();
  return {
    set(name, pid) {
      const identity = identify(pid);
      if (identity) running[name] = identity;
      write();
    },
    remove(name) {
      delete running[name];
      write();
    },
  };
}

/** Ends the processes of an earlier run that are still alive. Call it with the home's lock taken. */
export async function endLeftovers(home: Home, steps: Steps): Promise<void> {
  for (const [name, identity] of findLeftovers(home)) {
    steps.say(`  ending the ${name} that an earlier run left behind (process ${identity.pid})`);
    signal(identity.pid, name === "Postgres" ? "SIGINT" : "SIGTERM");
    const deadline = Date.now() + PATIENCE_MS;
    while (isAlive(identity) && Date.now() < deadline) await delay(50);
    if (isAlive(identity)) signal(-identity.pid, "SIGKILL");
    while (isAlive(identity)) await delay(20);
  }
}

/** Those that the record names; where it was lost, Kafka by its data. Postgres names its own process in its data. */
function findLeftovers(home: Home): [name: string, ProcessIdentity][] {
  const recorded = Object.entries(readObject(home.path(FILE))).filter(
    (entry): entry is [string, ProcessIdentity] => isProcessIdentity(entry[1]) && isAlive(entry[1]),
  );
  if (recorded.length > 0) return recorded;
  const kafka = findByCommandLine(`kafka.Kafka ${home.path("kafka/server.properties")}`);
  return kafka === undefined ? [] : [["Kafka", kafka]];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in this moment.
  }
}
