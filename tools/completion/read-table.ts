import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { SCRIPTS, type Table } from "./shells";
import { COMPLETION_WORDS, type CompletionWords } from "./words";

const run = promisify(execFile);
/** The parts of the system are told everything by settings. */
const OF_A_PART: CompletionWords = { "": ["--help"] };

/** What the commands of package.json can be given, as each tool tells it of itself. */
export async function readTable(root: string): Promise<Table> {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  // What npm runs before another script is nobody's to type.
  const names = Object.keys(scripts).filter((name) => !(name.startsWith("pre") && name.slice(3) in scripts));
  const table = new Map<string, readonly string[]>([[SCRIPTS, names]]);
  const told = await Promise.all(names.map((name) => askProgram(root, scripts[name] ?? "")));
  for (const [at, name] of names.entries()) {
    for (const [before, words] of Object.entries(told[at] ?? {})) table.set(`${name} ${before}`.trim(), words);
  }
  return table;
}

/** @throws Error with what it said, when a tool does not tell its words */
async function askProgram(root: string, script: string): Promise<CompletionWords> {
  const [, program, folder] = /\b(dist\/(\w+)\/\S+\.js)$/.exec(script) ?? [];
  if (program === undefined) return {};
  if (folder !== "tools") return OF_A_PART;
  const { stdout } = await run(process.execPath, [join(root, program), COMPLETION_WORDS]);
  return JSON.parse(stdout) as CompletionWords;
}
