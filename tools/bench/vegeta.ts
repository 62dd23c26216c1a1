import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { onCore } from "./machine";

export interface Attack {
  readonly vegeta: string;
  /** A line each: `GET http://…`. */
  readonly targetsFile: string;
  readonly resultsFile: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** Milliseconds by percentile, of requests that were sent at a fixed rate whatever became of the ones before. */
export type Latencies = Readonly<Record<"p50" | "p99" | "p99.9", number>>;

const run = promisify(execFile);
const MOST_CONNECTIONS = 256;

/** Loads a server from the second core. @throws Error when a request fails: what is measured then is something else */
export async function attack({ vegeta, targetsFile, resultsFile, rate, seconds }: Attack): Promise<Latencies> {
  const [program = "", ...args] = onCore(1, [
    ...[vegeta, "attack", `-rate=${rate}/s`, `-duration=${seconds}s`, `-targets=${targetsFile}`],
    ...[`-output=${resultsFile}`, `-connections=${MOST_CONNECTIONS}`, "-max-workers=256", "-timeout=10s"],
  ]);
  // In a session of its own (servers.ts): answers that wait for vegeta would count as late.
  const attacking = spawn(program, args, { detached: true, stdio: ["ignore", "ignore", "inherit"] });
  const [exitCode] = await once(attacking, "exit");
  if (exitCode !== 0) throw new Error(`vegeta ended with ${exitCode}`);
  const report = async (type: string): Promise<string> =>
    (await run(vegeta, ["report", `-type=${type}`, resultsFile])).stdout;
  const { success, status_codes } = JSON.parse(await report("json")) as { success: number; status_codes: object };
  if (success !== 1) throw new Error(`requests have failed: ${JSON.stringify(status_codes)}`);
  // Columns: milliseconds, percentile up to that, requests.
  const rows = (await report("hdrplot")).split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const at = (percentile: number): number => rows.find(([, upTo = 0]) => upTo >= percentile)?.[0] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), "p99.9": at(0.999) };
}
