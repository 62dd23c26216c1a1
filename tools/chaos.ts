import { rmSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { type ChaosOptions, readOptions } from "./chaos/options";
import { describeRun, describeRuns, recordRun } from "./chaos/report";
import { isGood, type RunResult } from "./chaos/result";
import { runChaos } from "./chaos/run-chaos";
import { copyWithout } from "./chaos/without-guard";
import { forgetOtherSystems } from "./forget-other-systems";
import { localHome } from "./local-env";
import { print, runCommand } from "./run-command";
import { stopSignal } from "./stop-signal";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Breaks systems of its own and counts what was lost. `npm run chaos -- --help` tells the rest. */
runCommand(async (args) => {
  const options = readOptions(args);
  forgetOtherSystems();
  const signal = stopSignal();
  const dist = chooseDist(options);
  const results: RunResult[] = [];
  for (let seed = options.seed; seed < options.seed + options.runs && !signal.aborted; seed++) {
    const result = await runOnce({ ...options, seed, dist }, signal);
    if (result) results.push(result);
  }
  const ok = results.length === options.runs && results.every(isGood);
  if (options.json) await print(`${JSON.stringify({ ok, runs: results })}\n`);
  else if (results.length > 0) await print(describeRuns(results));
  return ok ? 0 : 1;
});

function chooseDist({ dist, without }: ChaosOptions): string {
  const own = join(projectRoot(), "dist");
  if (!without) return dist ?? own;
  const folder = join(projectRoot(), ".local/chaos", `without-${without}`);
  copyWithout(without, own, folder);
  return folder;
}

/** A run, its line and its row; undefined if it could not be made or was interrupted. */
async function runOnce(
  options: Omit<ChaosOptions, "dist"> & { readonly dist: string },
  signal: AbortSignal,
): Promise<RunResult | undefined> {
  const { seed, seconds } = options;
  const folder = join(localHome(), "chaos", `${seed}-${new Date().toISOString().replaceAll(/[^\dT]/g, "")}`);
  say(`seed ${seed}: ${seconds} s of chaos`);
  try {
    const result = await runChaos({ ...options, folder, signal });
    say(describeRun(result));
    if (options.record) recordRun(join(projectRoot(), "docs/chaos.md"), result);
    if (isGood(result) && !options.keep) rmSync(folder, { recursive: true, force: true });
    else say(`its data and logs are kept in ${folder}`);
    return result;
  } catch (error) {
    if (signal.aborted) {
      rmSync(folder, { recursive: true, force: true });
      say(`seed ${seed}: interrupted`);
    } else say(`seed ${seed}: ${error instanceof Error ? error.message : error}\nits logs are kept in ${folder}`);
    return undefined;
  }
}
