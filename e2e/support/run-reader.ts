import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "../../runtime/project-root";
import { waitUntil } from "./wait-until";

export interface RunningReader {
  readonly url: string;
  /** Everything that it has logged, a parsed line each. */
  readonly log: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** Runs the compiled reader as a process of its own, and waits until it is ready. */
export async function runReader(environment: Readonly<Record<string, string>>): Promise<RunningReader> {
  const child = spawn(process.execPath, [join(projectRoot(), "dist/reader/main.js")], {
    env: { PATH: process.env["PATH"], READER_PORT: "0", LOG_FORMAT: "json", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => log.push(JSON.parse(line) as Record<string, unknown>));
  try {
    const url = await waitUntil("the reader listens", () => log.find((line) => line["url"])?.["url"] as string);
    await waitUntil("the reader is ready", async () => (await fetch(`${url}/readyz`)).ok);
    return { url, log, stop: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
