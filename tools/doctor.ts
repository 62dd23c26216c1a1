import { widthOf } from "./align-columns";
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
  const text = describe(result, widthOf(json ? process.stderr : process.stdout));
  if (json) process.stderr.write(text);
  await print(json ? `${JSON.stringify(result)}\n` : text);
  return result.ok ? 0 : 1;
}

runCommand(main, "nothing was changed; the same command begins anew");
