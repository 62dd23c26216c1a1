import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "../../runtime/project-root";
import { undoWhenStopped } from "../take-back";

/** Stopping takes npm start ten seconds at most. */
const STOPPED_WITHIN_MS = 12_000;

/** A system of the film's own, as npm start gives it. */
export interface DemoSystem {
  readonly readerUrl: string;
  /** Runs a line of a shell against it. @returns the lines that it has written, in their order */
  run(line: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** @param home its folder; the lines run there, too @throws Error if it does not start; its log is in the folder */
export async function startDemoSystem(home: string): Promise<DemoSystem> {
  const log = join(home, "start.log");
  const out = openSync(log, "w");
  const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL, ...environment } = process.env;
  const env = { ...environment, ORDERS_HOME: home, NO_COLOR: "1" };
  const args = ["--any-ports", "--no-sample", "--quiet"];
  const child = fork(join(projectRoot(), "dist/tools/start/main.js"), args, {
    ...{ cwd: projectRoot(), env, stdio: ["ignore", out, out, "ipc"] },
  });
  // What has been started must not outlive a film that is given up.
  const ended = undoWhenStopped("the system of the film", () => end(child), STOPPED_WITHIN_MS);
  void once(child, "exit").then(ended);
  const [told] = await Promise.race([once(child, "message"), once(child, "exit")]);
  if (told !== "ready") throw new Error(`the system does not start: ${log} says why`);
  return {
    readerUrl: parseEnv(readFileSync(join(home, "env"), "utf8"))["READER_URL"] ?? "",
    run: (line) => runLine(line, { ...env, FILM_FOLDER: home }),
    stop: () => end(child),
  };
}

async function runLine(line: string, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  // A group of its own, so that whoever stops the film ends all that the shell has begun.
  const child = spawn("sh", ["-c", `${line} 2>&1`], {
    ...{ cwd: projectRoot(), env, stdio: ["ignore", "pipe", "ignore"], detached: true },
  });
  const ended = once(child, "close");
  const done = undoWhenStopped(line, async () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    await ended;
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await ended;
  done();
  return text.trimEnd().split("\n");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
