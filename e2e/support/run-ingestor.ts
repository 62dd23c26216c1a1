import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "../../runtime/project-root";
import { waitUntil } from "./wait-until";

export interface RunningIngestor {
  readonly process: ChildProcess;
  /** Where its health and metrics are. */
  readonly url: string;
  /** Everything that it has logged, a parsed line each. */
  readonly log: Record<string, unknown>[];
  hasEnded(): boolean;
  /** What its /readyz says. */
  readiness(): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** Its resident memory, in MiB. Linux only. */
  memoryMib(): number;
  /** Asks it to stop, and waits for its end; the exit code, or null if a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * Runs the compiled ingestor as a process of its own, and waits until it consumes. It may have ended again by then.
 *
 * @param environment settings over the defaults; whatever the test's own environment has of them does not count
 * @throws Error when it ends without having consumed
 */
export async function runIngestor(environment: Readonly<Record<string, string>>): Promise<RunningIngestor> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [join(projectRoot(), "dist/ingestor/main.js")], {
    env: { PATH: process.env["PATH"], INGESTOR_PORT: String(port), LOG_LEVEL: "info", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => log.push(JSON.parse(line) as Record<string, unknown>));
  const hasEvent = (event: string): boolean => log.some((line) => line["event"] === event);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const consumes = waitUntil("the ingestor consumes", () => hasEvent("process.started") || hasEnded());
  await consumes.catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  if (!hasEvent("process.started")) {
    throw new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${JSON.stringify(log.at(-2))}`);
  }
  return {
    process: child,
    url,
    log,
    hasEnded,
    readiness: async () => {
      if (hasEnded())
        throw new Error(`it has ended: ${JSON.stringify(log.findLast(({ level }) => Number(level) >= 50))}`);
      const answer = await fetch(`${url}/readyz`);
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    memoryMib: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024,
    stop: async (signal = "SIGTERM") => {
      if (hasEnded()) return child.exitCode;
      const ended = once(child, "exit");
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
