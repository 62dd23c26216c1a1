import type { Guardian } from "./guardian";
import type { Home } from "./home";
import type { RunningRecord } from "./leftovers";
import type { Ports } from "./ports";
import type { Steps } from "./steps";
import { type Service, type Supervised, supervise } from "./supervise";

/** What every part of start-up works with. */
export interface System {
  readonly home: Home;
  readonly steps: Steps;
  readonly ports: Ports;
  /** Aborted when the system is told to end; whatever start-up is waiting for then stops. */
  readonly signal: AbortSignal;
  /** Starts a process that is kept alive from now on. */
  supervise(service: Service): Supervised;
  /** Stops everything, each part with its own patience; what was started last is stopped first. */
  stopAll(): Promise<void>;
}

/** Stopping may take ten seconds in all. The two processes that work on orders get half of them, Kafka and Postgres the rest. */
const PROCESS_PATIENCE_MS = 5_000;
const WHOLE_PATIENCE_MS = 9_500;
const STORES = ["Postgres", "Kafka", "Redis"];

export function createSystem(parts: {
  home: Home;
  steps: Steps;
  ports: Ports;
  signal: AbortSignal;
  guardian: Guardian;
  running: RunningRecord;
}): System {
  const { home, steps, ports, signal, guardian, running } = parts;
  const supervised: Supervised[] = [];
  return {
    home,
    steps,
    ports,
    signal,
    supervise(service) {
      signal.throwIfAborted();
      const added = supervise(service, { guardian, running, steps });
      supervised.push(added);
      return added;
    },
    async stopAll() {
      const start = Date.now();
      // Within a group nothing depends on its neighbours, so they stop side by side and share the seconds.
      const isStore = ({ name }: Supervised): boolean => STORES.includes(name);
      await Promise.all(supervised.filter((part) => !isStore(part)).map((part) => part.stop(PROCESS_PATIENCE_MS)));
      await Promise.all(supervised.filter(isStore).map((part) => part.stop(start + WHOLE_PATIENCE_MS - Date.now())));
      guardian.dismiss();
    },
  };
}
