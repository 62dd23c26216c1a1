import type { Log } from "./log";

/**
 * How a process ends. `running` → (SIGTERM, SIGINT or `fail`) → `stopping` → exit. Stopping happens once: further
 * signals and failures while stopping only raise the exit code. Every step runs, also after one has failed, and a
 * deadline ends the process with a non-zero code if a step hangs.
 */

/** A part to stop: its name for the log, and what stops it. */
export interface ShutdownStep {
  readonly name: string;
  readonly stop: () => Promise<unknown> | unknown;
}

export interface Shutdown {
  /** Adds a step. Steps run in the reverse order of their adding: what was started last is stopped first. */
  add(name: string, stop: ShutdownStep["stop"]): void;
  /** Ends the process because of a defect or a condition that a restart can mend; its exit code is 1. */
  fail(error: unknown): void;
  isStopping(): boolean;
}

/** Less than the five seconds that `npm start` grants a process before it kills it. */
export const STOP_DEADLINE_MS = 4_500;

/** Installs the process's signal handlers. Call it once, in main.ts. */
export function handleShutdown(log: Log): Shutdown {
  const steps: ShutdownStep[] = [];
  let state: "running" | "stopping" = "running";
  let exitCode = 0;

  const stop = async (reason: string): Promise<void> => {
    if (state === "stopping") return;
    state = "stopping";
    log.info({ event: "process.stopping", reason }, `stopping: ${reason}`);
    setTimeout(() => {
      log.error(
        { event: "process.stop-deadline", deadlineMs: STOP_DEADLINE_MS },
        "a part did not stop in time; leaving without it",
      );
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
    for (const step of steps.reverse()) {
      try {
        await step.stop();
      } catch (error) {
        exitCode = 1;
        log.error(
          { event: "process.stop-step-failed", step: step.name, err: error },
          `could not stop ${step.name} cleanly`,
        );
      }
    }
    log.info({ event: "process.stopped", exitCode }, "stopped");
    process.exit(exitCode);
  };

  const fail = (error: unknown): void => {
    exitCode = 1;
    log.fatal({ event: "process.failed", err: error }, "cannot go on; a restart follows where there is a supervisor");
    void stop("failure");
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  return { add: (name, stop) => steps.push({ name, stop }), fail, isStopping: () => state === "stopping" };
}
