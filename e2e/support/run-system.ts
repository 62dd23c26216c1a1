import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "../../runtime/project-root";
import { processesNaming } from "./processes-naming";
import { waitUntil } from "./wait-until";

/** A whole system as a person has it after `npm start`, in a home and on ports of its own. */
export interface RunningSystem {
  readonly readerUrl: string;
  /** What the system wrote into its env file: the addresses of all its parts. */
  readonly env: Readonly<NodeJS.Dict<string>>;
  /** The pid of npm. */
  readonly pid: number;
  /** All that it has written so far. */
  said(): string;
  /** Tells npm to end and waits until no process of the system is left. */
  stop(): Promise<void>;
}

/**
 * @param home the folder of its data; started again with the same one, a system goes on where it stopped
 * @param options.clone the folder in which npm is typed, this project's unless told otherwise
 * @param options.env further variables of its environment
 * @throws Error with all that it said, if it ends or is not up within four minutes
 */
export async function runSystem(
  home: string,
  { args = [], clone, env: more }: { args?: readonly string[]; clone?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<RunningSystem> {
  const { child, said } = startSystem(home, ["--any-ports", ...args], clone, more);
  await waitUntil(
    `the system in ${home} is up`,
    () => child.exitCode !== null || said().includes("Orders is running."),
    {
      limitMs: 240_000,
    },
  ).catch((error: unknown) => {
    throw new Error(`the system does not start:\n${said()}`, { cause: error });
  });
  if (child.exitCode !== null || child.pid === undefined) throw new Error(`the system has ended:\n${said()}`);
  const env = parseEnv(readFileSync(join(home, "env"), "utf8"));
  return {
    readerUrl: env["READER_URL"] ?? "",
    env,
    pid: child.pid,
    said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, "exit");
        child.kill("SIGTERM");
        await exit;
      }
      await waitUntil("no process of the system is left", () => processesNaming(home).length === 0);
    },
  };
}

/** `npm start` with these arguments; its output is collected. */
export function startSystem(
  home: string,
  args: readonly string[],
  clone = projectRoot(),
  more: NodeJS.ProcessEnv = {},
): { child: ChildProcess; said: () => string } {
  const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL, NODE_ENV, ...env } = process.env;
  const child = spawn("npm", ["start", "--", ...args], {
    cwd: clone,
    env: { ...env, ORDERS_HOME: home, ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  return { child, said: () => text };
}
