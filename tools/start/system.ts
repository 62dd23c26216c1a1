import type { Guardian } from "./guardian";
import type { Home } from "./home";
import type { RunningRecord } from "./leftovers";
import type { Ports } from "./ports";
import type { ProcessOutput } from "./process-output";
import { untilToolsEnded } from "./run-tool";
import { StartError, type Steps } from "./steps";
import { type Service, type Supervised, supervise } from "./supervise";

/** What every part of start-up works with. */
export interface System {
  readonly home: Home;
  readonly steps: Steps;
  readonly ports: Ports;
  /** Aborted when the system is told to end, or ends because a part failed; whatever start-up is waiting for then stops. */
  readonly signal: AbortSignal;
  /** Where the two processes write; left out, they write where this one does. */
  readonly output?: ProcessOutput | undefined;
  /** Starts a process that is kept alive from now on. */
  supervise(service: Service): Supervised;
  /** Stops everything, each part with its own patience: first the two processes, then what they use. */
  stopAll(): Promise<void>;
}

/** Stopping may take ten seconds in all. The two processes that work on orders get half of them, what they use the rest. */
const PROCESS_PATIENCE_MS = 5_000;
const WHOLE_PATIENCE_MS = 9_500;

/** A store stops as soon as nobody uses it any more. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  Kafka: ["ingestor"],
  Redis: ["ingestor"],
  Postgres: ["ingestor", "reader"],
};

export function createSystem(parts: {
  home: Home;
  steps: Steps;
  ports: Ports;
  signal: AbortSignal;
  guardian: Guardian;
  running: RunningRecord;
  output?: ProcessOutput;
}): System {
  const { home, steps, ports, guardian, running, output } = parts;
  const supervised: Supervised[] = [];
  const stopping = new AbortController();
  const signal = AbortSignal.any([parts.signal, stopping.signal]);
  return {
    home,
    steps,
    ports,
    signal,
    output,
    supervise(service) {
      // Where one part has failed, another may still be on its way here: nobody would stop what it starts.
      if (signal.aborted) throw new StartError(`${service.name} is not started: everything is being stopped`);
      const added = supervise(service, { guardian, running, steps });
      supervised.push(added);
      return added;
    },
    async stopAll() {
      stopping.abort();
      const deadline = Date.now() + WHOLE_PATIENCE_MS;
      const isStore = ({ name }: Supervised): boolean => name in USERS;
      const ends = new Map<string, Promise<void>>();
      for (const part of supervised.filter((each) => !isStore(each))) {
        ends.set(part.name, part.stop(PROCESS_PATIENCE_MS));
      }
      const stopStore = async (part: Supervised): Promise<void> => {
        await Promise.all((USERS[part.name] ?? []).map((user) => ends.get(user)));
        await part.stop(deadline - Date.now());
      };
      await Promise.all([...ends.values(), ...supervised.filter(isStore).map(stopStore), untilToolsEnded()]);
      guardian.dismiss();
      ports.release();
    },
  };
}
