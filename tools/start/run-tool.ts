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
  /** Ends the tool with start-up itself. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end and gives what it wrote, on both outputs.
 *
 * @throws StartError with the last lines that it wrote, if its exit code is not 0; the system's error if it cannot be run
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<ToolOutput> {
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
    child.once("error", reject);
    child.once("close", (code, killedBy) => {
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
