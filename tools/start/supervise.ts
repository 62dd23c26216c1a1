import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Guardian } from "./guardian";
import type { RunningRecord } from "./leftovers";
import type { ProcessOutput } from "./process-output";
import { killTree } from "./process-tree";
import { StartError, type Steps } from "./steps";

/**
 * Keeps a process alive. `running` → (it ends) → `waiting` → `running` …, until `stop`: → `stopping` → `stopped`.
 * The wait grows from a quarter of a second, twofold to ten seconds, and begins anew after a minute of life. Each
 * process has a group and session of its own, so that a terminal's Ctrl-C reaches only the supervisor, which then
 * stops them in order.
 */
export interface Service {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Ends it well: SIGTERM unless told otherwise. */
  readonly stopSignal?: NodeJS.Signals;
  /** The file that takes what it writes; without one it writes where the supervisor does, through `output` if given. */
  readonly logFile?: string;
  readonly output?: ProcessOutput | undefined;
  /** Called before each start. */
  readonly before?: () => Promise<void> | void;
  /** Called with its pid some time after each start, if it lives so long. */
  readonly settled?: { readonly afterMs: number; readonly call: (pid: number) => void };
}

export interface Supervised {
  readonly name: string;
  /** Of the process that runs now; undefined while it waits to be started. */
  pid(): number | undefined;
  /** Resolves when `isReady` does with true. Rejects if the process dies three times before, or after `limitMs`. */
  whenReady(isReady: () => Promise<boolean>, limitMs?: number): Promise<void>;
  /** Asks it to stop and kills it, with all that it has started, after `limitMs`. Resolves when it is gone. */
  stop(limitMs: number): Promise<void>;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
const LIFE_THAT_COUNTS_MS = 60_000;
/**
 * Before it was ever ready. With the waits between them these are 8 s: after a kill -9 Postgres refuses to start until the
 * last of its killed server's processes is gone, which on a busy machine takes seconds.
 */
const DEATHS_THAT_COUNT = 6;
const LAST_WORDS_MS = 500;

export function supervise(
  service: Service,
  helpers: { guardian: Guardian; running: RunningRecord; steps: Steps },
): Supervised {
  const { guardian, running, steps } = helpers;
  const stopping = new AbortController();
  const stopSignal = service.stopSignal ?? "SIGTERM";
  let child: ChildProcess | undefined;
  let deaths = 0;
  let lastDeath = "";
  let allSaid: Promise<void> | undefined;
  const whereItSaysWhy = service.logFile === undefined ? "" : `; ${service.logFile} says why`;

  const runOnce = async (): Promise<void> => {
    await service.before?.();
    if (stopping.signal.aborted) return;
    const output = service.logFile === undefined ? "inherit" : openSync(service.logFile, "a", 0o600);
    const standardOutput = service.output ? "pipe" : output;
    const started = spawn(service.command, service.args, {
      // On Windows this would be a console window of its own.
      detached: process.platform !== "win32",
      windowsHide: true,
      stdio: ["ignore", standardOutput, output],
      env: service.env ?? process.env,
      ...(service.cwd === undefined ? {} : { cwd: service.cwd }),
      ...(service.uid === undefined ? {} : { uid: service.uid }),
      ...(service.gid === undefined ? {} : { gid: service.gid }),
    });
    if (typeof output === "number") closeSync(output);
    child = started;
    allSaid = started.stdout ? service.output?.take(started.stdout) : undefined;
    const { pid } = started;
    if (pid !== undefined) {
      guardian.add(pid, stopSignal);
      running.set(service.name, pid);
    }
    const { settled } = service;
    const settling = pid && settled && setTimeout(() => settled.call(pid), settled.afterMs).unref();
    lastDeath = await ending(started);
    clearTimeout(settling);
    child = undefined;
    if (pid !== undefined) guardian.remove(pid);
    running.remove(service.name);
  };

  const keepAlive = async (): Promise<void> => {
    let wait = FIRST_WAIT_MS;
    while (!stopping.signal.aborted) {
      const start = Date.now();
      await runOnce();
      if (stopping.signal.aborted) return;
      deaths += 1;
      service.output?.passOn();
      if (Date.now() - start >= LIFE_THAT_COUNTS_MS) wait = FIRST_WAIT_MS;
      steps.say(`${service.name} ended (${lastDeath}); it is started again in ${wait / 1000} s${whereItSaysWhy}`);
      await delay(wait, undefined, { signal: stopping.signal }).catch(() => {});
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  };
  const ended = keepAlive();
  ended.catch((error: unknown) => {
    lastDeath = String(error);
    deaths = Number.POSITIVE_INFINITY;
  });

  return {
    name: service.name,
    pid: () => child?.pid,
    async whenReady(isReady, limitMs = 60_000) {
      const deadline = Date.now() + limitMs;
      while (!(await isReady())) {
        if (stopping.signal.aborted) throw new StartError(`${service.name} was stopped before it was ready`);
        if (deaths >= DEATHS_THAT_COUNT)
          throw new StartError(`${service.name} does not start: ${lastDeath}${whereItSaysWhy}`);
        if (Date.now() > deadline)
          throw new StartError(`${service.name} is not ready after ${limitMs / 1000} s${whereItSaysWhy}`);
        await delay(30);
      }
    },
    async stop(limitMs) {
      stopping.abort();
      const asked = child;
      if (asked === undefined) return;
      asked.kill(stopSignal);
      // Its last words are read too, but nobody waits for a child of it that keeps the pipe open.
      const gone = ending(asked).then(() => Promise.race([allSaid, delay(LAST_WORDS_MS, undefined, { ref: false })]));
      const late = Symbol("late");
      if ((await Promise.race([gone, delay(limitMs, late, { ref: false })])) !== late) return;
      steps.say(`${service.name} did not stop within ${limitMs / 1000} s and is killed`);
      if (asked.pid !== undefined) killTree(asked.pid);
      await gone;
    },
  };
}

function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve("already");
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}
