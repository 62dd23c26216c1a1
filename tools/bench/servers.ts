import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { undoWhenStopped } from "../take-back";
import { onCore } from "./machine";

/** A server under load: on the first core, which the load leaves alone, unless it is pinned to none. */
export interface RunningServer {
  readonly pid: number;
  /** Where it listens; empty where it need not be asked anything. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where it listens, if it does not say so in a line with `"url":"http://…"`. */
  readonly url?: string;
  /** Answers 200 once it is ready. */
  readonly readyPath?: string;
  /** What it says once it is ready, where there is no address to ask. */
  readonly readySign?: string;
  readonly isPinned?: boolean;
}

const READY_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 5;

/** @throws Error with what it said, when it ends or is not ready in time */
export async function startServer({
  command,
  env,
  url,
  readyPath = "",
  readySign,
  isPinned = true,
}: ServerCommand): Promise<RunningServer> {
  const [program = "", ...args] = isPinned ? onCore(0, command) : command;
  const child = spawn(program, args, {
    // A session of its own, as `npm start` gives each part: Linux shares the processors out among sessions first.
    detached: true,
    env: env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killed = (): void => void child.kill("SIGKILL");
  process.once("exit", killed);
  const left = undoWhenStopped(program, async () => killed());
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-10_000);
    });
  }
  const stop = async (): Promise<void> => {
    process.removeListener("exit", killed);
    left();
    await end(child);
  };
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    if (readySign && said.includes(readySign)) return { pid: child.pid ?? 0, url: "", stop };
    const found = url ?? /"url":"([^"]+)"/.exec(said)?.[1];
    if (found && !readySign && (await isReady(found + readyPath))) return { pid: child.pid ?? 0, url: found, stop };
    await delay(LOOK_EVERY_MS);
  }
  await stop();
  throw new Error(`${command.join(" ")} does not become ready:\n${said}`);
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok ?? false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await ended;
  clearTimeout(force);
}
