import { spawn } from "node:child_process";
import { StartError } from "./steps";

export interface ToolOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Ends the tool with start-up itself. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end and gives what it wrote on standard output.
 *
 * @throws StartError with the last lines that it wrote, if it cannot be run or its exit code is not 0
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const { signal, uid, gid, env = process.env } = options;
    const child = spawn(command, args, {
      env,
      signal,
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
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
      if (code === 0) return resolve(stdout);
      const lastLines = all.trim().split("\n").slice(-20).join("\n  ");
      reject(
        new StartError(`${[command, ...args].join(" ")} ended with ${killedBy ?? `code ${code}`}:\n  ${lastLines}`),
      );
    });
  });
}
