import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callGuardian } from "../../tools/start/guardian";
import { type Home, openHome } from "../../tools/start/home";
import { createRunningRecord } from "../../tools/start/leftovers";
import { createPorts } from "../../tools/start/ports";
import { createSteps } from "../../tools/start/steps";
import { type Service, type Supervised, supervise } from "../../tools/start/supervise";
import type { System } from "../../tools/start/system";

/**
 * A store of a test's own, started as `npm start` does it, to be broken: it keeps its port and its data from start to
 * start. One that dies unasked is started again, as anywhere else.
 */
export interface BreakablePart<T> {
  readonly home: Home;
  /** Starts it and waits until it answers. @returns what the start has made of it: addresses */
  start(): Promise<T>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  pid(): number;
  /** Stops the clock of all its processes: sockets stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it for good and removes its files. */
  drop(): Promise<void>;
}

const PATIENCE_MS = 10_000;

/** @param wrap changes how its process is run */
export function breakablePart<T>(
  begin: (system: System) => Promise<T>,
  wrap: (service: Service) => Service = (service) => service,
): BreakablePart<T> {
  const home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-breakable-")) });
  const guardian = callGuardian(home);
  const running = createRunningRecord(home);
  const steps = createSteps({ write: () => {} });
  let process_: Supervised | undefined;

  const pid = (): number => {
    const current = process_?.pid();
    if (current === undefined) throw new Error("the part is not running");
    return current;
  };
  const stop = async (): Promise<void> => {
    await process_?.stop(PATIENCE_MS);
    process_ = undefined;
  };
  return {
    home,
    pid,
    stop,
    start: () =>
      begin({
        home,
        steps,
        ports: createPorts(home, steps, true),
        signal: new AbortController().signal,
        supervise: (service) => {
          process_ = supervise(wrap(service), { guardian, running, steps });
          return process_;
        },
        stopAll: stop,
      }),
    freeze: () => signalTree(pid(), "SIGSTOP"),
    thaw: () => signalTree(pid(), "SIGCONT"),
    drop: async () => {
      if (process_?.pid() !== undefined) signalTree(pid(), "SIGCONT");
      await stop();
      guardian.dismiss();
      rmSync(home.folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The process and its children, the parent first: what it starts meanwhile is stopped with it. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, signal);
    } catch {
      // It ended in this moment.
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    // pid (name) state parent; a name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
