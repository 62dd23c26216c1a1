import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { StartError } from "./steps";

export interface ToolOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What it reads; without it, nothing. */
  readonly input?: string;
  /** Called with each line that it writes on standard output, while it runs. */
  readonly onLine?: (line: string) => void;
  /** A command that only a shell can run, as Windows' `.cmd` files are. */
  readonly shell?: boolean;
  /** Asks the tool to end, with start-up itself; it has ended before the error of that is thrown. */
  readonly signal: AbortSignal;
}

/** What `untilToolsEnded` waits for. */
const running = new Set<Promise<unknown>>();
/** A tool that was asked to end and has not by then is killed. */
const END_MS = 4_000;
/** What it started itself has so long to end after it. */
const LAST_CHILD_MS = 1_000;

/** Resolves once no tool runs and whoever ran one has tidied up after it. They must have been asked to end. */
export async function untilToolsEnded(): Promise<void> {
  while (running.size > 0) await Promise.allSettled(running);
}

/**
 * Runs a program to its end and gives what it wrote, on both outputs.
 *
 * @throws StartError with the last lines that it wrote, if its exit code is not 0; the system's error if it cannot be run
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<ToolOutput> {
  const ended = untilEnded(command, args, options);
  running.add(ended);
  const forget = (): boolean => running.delete(ended);
  ended.then(forget, forget);
  return ended;
}

function untilEnded(command: string, args: readonly string[], options: ToolOptions): Promise<ToolOutput> {
  return new Promise((resolve, reject) => {
    const { signal, uid, gid, input, onLine, shell = false, env = process.env } = options;
    const child = spawn(command, args, {
      env,
      signal,
      shell,
      windowsHide: true,
      stdio: ["pipe", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    // It may end without having read.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    if (onLine) createInterface({ input: child.stdout }).on("line", onLine);
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      all += text;
    });
    let asked: Error | undefined;
    child.once("error", (error) => {
      // One that does not run cannot be awaited; one that was asked to end still runs.
      if (child.pid === undefined) return reject(error);
      asked = error;
      setTimeout(() => child.kill("SIGKILL"), END_MS).unref();
    });
    // What it started in turn, and nobody asked to end, may keep its outputs open for good.
    child.once("exit", () => {
      if (asked) setTimeout(reject, LAST_CHILD_MS, asked);
    });
    child.once("close", (code, killedBy) => {
      if (asked) return reject(asked);
      if (code === 0) return resolve({ stdout, all });
      const lastLines = all.trim().split("\n").slice(-20).join("\n  ");
      reject(
        new StartError(`${[command, ...args].join(" ")} ended with ${killedBy ?? `code ${code}`}:\n  ${lastLines}`),
      );
    });
  });
}

/** @property all standard output and standard error, as they came */
export interface ToolOutput {
  readonly stdout: string;
  readonly all: string;
}
