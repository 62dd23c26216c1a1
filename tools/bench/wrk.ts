import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../runtime/project-root";
import { onCore } from "./machine";

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** In seconds. */
  readonly p99: number;
}

export interface Load {
  readonly wrk: string;
  readonly url: string;
  readonly ordersFile: string;
  readonly connections: number;
  readonly seconds: number;
}

const run = promisify(execFile);

/** Loads a server from the second core. @throws Error when a request fails: what is measured then is something else */
export async function load({ wrk, url, ordersFile, connections, seconds }: Load): Promise<LoadResult> {
  const script = join(projectRoot(), "tools/bench/references/random-orders.lua");
  const [program = "", ...args] = onCore(1, [
    ...[wrk, "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url],
  ]);
  const { stdout } = await run(program, args, { env: { ...process.env, ORDERS_FILE: ordersFile } });
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as LoadResult & { failed: number };
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} requests to ${url} failed`);
  return result;
}
