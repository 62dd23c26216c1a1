import { type ChildProcess, spawn } from "node:child_process";
import { setMaxListeners } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kafka } from "kafkajs";
import { processTree, signalAll } from "../start/process-tree";
import type { ChaosSystem, Link, Part } from "./chaos-system";
import { patiently } from "./patiently";
import type { FaultName, FaultTarget, ScheduledFault } from "./schedule";

export interface InjectDeps {
  readonly system: ChaosSystem;
  readonly kafka: Pick<Kafka, "admin">;
  readonly topic: string;
  /** Ends the injecting early; what was broken is mended all the same. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/**
 * How often each fault came. One whose target was away in that moment (it was being started, say) does not count, nor a
 * replay that did not end well by itself.
 */
export type FaultCounts = Partial<Record<FaultName, number>>;

/** Makes the mended state again. @throws Error when it turns out that the fault never came */
type Undo = () => Promise<void> | void;

const NO_UNDO: Undo = () => {};
const STOP_MS = 5_000;
const REDIS_ANSWER_MS = 2_000;
const BROKER_UP_AGAIN_MS = 60_000;
/** Nothing mends the letters, so each fails again, under its old x-dlq-id. */
const REPLAY = ["--go", "--force", "--limit", "25", "--no-wait", "--json"];

/** Does what the schedule says, when it says so. Resolves when everything has been undone. */
export async function injectAll(schedule: readonly ScheduledFault[], deps: InjectDeps): Promise<FaultCounts> {
  const counts: FaultCounts = {};
  // Every fault waits for its time at once.
  setMaxListeners(0, deps.signal);
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: deps.signal }).catch(() => {});
  const inject = async ({ at, fault, target, duration }: ScheduledFault): Promise<void> => {
    await pause(at);
    if (deps.signal.aborted) return;
    deps.say(`${fault} ${target}${duration > 0 ? ` for ${duration} ms` : ""}`);
    try {
      const undo = await injectors[fault](target, deps);
      await pause(duration);
      await undo();
      counts[fault] = (counts[fault] ?? 0) + 1;
      if (duration > 0) deps.say(`${fault} ${target} is over`);
    } catch (error) {
      deps.say(`${fault} ${target} could not be done: ${error instanceof Error ? error.message : error}`);
    }
  };
  await Promise.all(schedule.map(inject));
  return counts;
}

const injectors: Readonly<Record<FaultName, (target: FaultTarget, deps: InjectDeps) => Promise<Undo> | Undo>> = {
  kill: (target, { system }) => {
    signalAll([pidOf(target, system)], "SIGKILL");
    return NO_UNDO;
  },
  freeze: (target, { system }) => {
    const pids = processTree(pidOf(target, system));
    signalAll(pids, "SIGSTOP");
    return () => signalAll(pids, "SIGCONT");
  },
  restart: (target, { system }) => {
    // PostgreSQL's "fast" shutdown; SIGTERM would wait for the sessions to end.
    signalAll([pidOf(target, system)], target === "postgres" ? "SIGINT" : "SIGTERM");
    return NO_UNDO;
  },
  "half-open": (target, { system }) => {
    const link = system.link(target as Link);
    link.fallSilent({ alsoNew: true });
    return () => link.recover();
  },
  "flush-redis": async (_, { system }) => {
    await flushRedis(system.redisPort);
    return NO_UNDO;
  },
  "lost-notices": (target, { system }) => {
    const reader = target as "reader-1" | "reader-2";
    system.swallowNotices(reader, true);
    return () => system.swallowNotices(reader, false);
  },
  "lost-commits": (target, { system }) => {
    const ingestor = target as "ingestor-1" | "ingestor-2";
    system.loseCommits(ingestor, true);
    return () => system.loseCommits(ingestor, false);
  },
  rebalance: (target, { system }) => {
    const ingestor = system.startIngestor(target);
    return () => ingestor.stop(STOP_MS);
  },
  "add-partition": async (_, { kafka, topic }) => {
    const admin = kafka.admin();
    try {
      // Another fault may have stopped the broker.
      await patiently(BROKER_UP_AGAIN_MS, () => admin.connect());
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const count = (topics[0]?.partitions.length ?? 0) + 1;
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    } finally {
      await admin.disconnect().catch(() => {});
    }
    return NO_UNDO;
  },
  replay: (_, { system }) => {
    const log = openSync(system.home.path("logs/replay.log"), "a");
    const tool = spawn(process.execPath, [join(__dirname, "../replay-dlq.js"), ...REPLAY], {
      env: { PATH: process.env["PATH"], KAFKA_BROKERS: system.brokers, DATABASE_URL: system.database.owner },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const ended = endOf(tool);
    return async () => {
      tool.kill("SIGKILL");
      const end = await ended;
      if (end !== 0) throw new Error(`replay-dlq ended with ${end}`);
    };
  },
};

/** Its exit code, the signal that ended it, or why it could not be started. */
function endOf(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("exit", (code, signal) => resolve(code ?? signal));
  });
}

function pidOf(target: FaultTarget, system: ChaosSystem): number {
  const pid = system.pid(target as Part);
  if (pid === undefined) throw new Error("it is not running at the moment");
  return pid;
}

function flushRedis(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("FLUSHALL\r\n"));
    socket.setTimeout(REDIS_ANSWER_MS, () => socket.destroy(new Error("Redis does not answer")));
    socket.once("error", reject);
    socket.once("data", (answer) => {
      socket.destroy();
      if (answer.toString().startsWith("+OK")) resolve();
      else reject(new Error(`Redis says ${answer}`));
    });
  });
}
