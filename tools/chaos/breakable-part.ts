import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callGuardian } from "../start/guardian";
import { type Home, openHome } from "../start/home";
import { createRunningRecord } from "../start/leftovers";
import { createPorts } from "../start/ports";
import { processTree, signalAll } from "../start/process-tree";
import { createSteps } from "../start/steps";
import { type Service, type Supervised, supervise } from "../start/supervise";
import type { System } from "../start/system";

/**
 * A store of a test's or a bench's own, started as `npm start` does it, to be broken: it keeps its port and its data from
 * start to start. One that dies unasked is started again, as anywhere else.
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
  /** They are frozen also when the process that has started them was killed, or they were started anew beside them. */
  let frozen: readonly number[] = [];

  const pid = (): number => {
    const current = process_?.pid();
    if (current === undefined) throw new Error("the part is not running");
    return current;
  };
  const stop = async (): Promise<void> => {
    await process_?.stop(PATIENCE_MS);
    process_ = undefined;
  };
  const thaw = (): void => {
    signalAll(frozen, "SIGCONT");
    frozen = [];
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
    freeze: () => {
      // First itself: what it would start meanwhile is stopped with it.
      signalAll([pid()], "SIGSTOP");
      frozen = processTree(pid());
      signalAll(frozen, "SIGSTOP");
    },
    thaw,
    drop: async () => {
      thaw();
      await stop();
      guardian.dismiss();
      rmSync(home.folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
