import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "../../runtime/project-root";

/** Kafka, Postgres and Redis of the tests' own, as `npm start` makes them, in a temporary folder and on free ports. */
export interface RunningServices {
  readonly addresses: Readonly<NodeJS.Dict<string>>;
  stop(): Promise<void>;
}

/** @throws Error with all that start-up said, if it fails */
export async function runServices(): Promise<RunningServices> {
  const home = mkdtempSync(join(tmpdir(), "orders-test-"));
  const main = join(projectRoot(), "dist/tools/start/main.js");
  const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL, ...env } = process.env;
  // The IPC channel makes it end with this process, however this process ends.
  const child = spawn(process.execPath, [main, "--services-only", "--redis", "--any-ports"], {
    env: { ...env, ORDERS_HOME: home },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const stop = async (): Promise<void> => {
    await endOf(child);
    rmSync(home, { recursive: true, force: true });
  };
  await Promise.race([once(child, "message"), once(child, "exit")]);
  if (child.exitCode !== null) {
    rmSync(home, { recursive: true, force: true });
    throw new Error(`the test services do not start:\n${said}`);
  }
  return { addresses: readAddresses(join(home, "env")), stop };
}

/** What `npm start` and `npm run services` write for others. */
export function readAddresses(file: string): Readonly<NodeJS.Dict<string>> {
  return parseEnv(readFileSync(file, "utf8"));
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
