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
  /** A line each: an id, and after a tab the entity tag that the client has already, if any. */
  readonly requestsFile: string;
  /** The share of the requests for which 404 is right. */
  readonly unknown: number;
  readonly connections: number;
  readonly seconds: number;
}

const run = promisify(execFile);

/** Loads a server from the second core. @throws Error when a request fails: what is measured then is something else */
export async function load({ wrk, url, requestsFile, unknown, connections, seconds }: Load): Promise<LoadResult> {
  const script = join(projectRoot(), "tools/bench/references/random-orders.lua");
  const [program = "", ...args] = onCore(1, [
    ...[wrk, "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url],
  ]);
  const { stdout } = await run(program, args, { env: { ...process.env, REQUESTS_FILE: requestsFile } });
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as LoadResult & { failed: number; refused: number };
  const isAsExpected = Math.abs(result.refused / result.requests - unknown) <= unknown / 2;
  if (result.failed > 0 || !isAsExpected)
    throw new Error(`${result.failed + result.refused} of ${result.requests} requests to ${url} failed`);
  return result;
}
