import { examine } from "./doctor/examine";
import { readOptions } from "./doctor/options";
import { describe, resultOf } from "./doctor/report";
import { loadLocalEnv, localHome } from "./local-env";
import { print, runCommand } from "./run-command";

/** What is wrong, and how it is mended. `npm run doctor -- --help` tells the rest. */
async function main(args: readonly string[]): Promise<number> {
  const { json } = readOptions(args);
  loadLocalEnv();
  const result = resultOf(await examine(localHome(), process.env));
  if (json) process.stderr.write(describe(result));
  await print(json ? `${JSON.stringify(result)}\n` : describe(result));
  return result.ok ? 0 : 1;
}

runCommand(main, "nothing was changed; the same command begins anew");
