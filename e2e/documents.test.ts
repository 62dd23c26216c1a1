import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot } from "../runtime/project-root";

const read = (path: string): string => readFileSync(join(projectRoot(), path), "utf8");
const documents = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/RUNBOOK.md"],
  ...readdirSync(join(projectRoot(), "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** What people are told to type: the script's name, its subcommand if it has any, and the options that it is given. */
function findCommands(text: string): { script: string; subcommand: string; options: readonly string[] }[] {
  return [...text.matchAll(/npm (?:run )?([a-z-]+)((?: -- [^`\n]*)?)/g)].map(([, script = "", rest = ""]) => ({
    script,
    subcommand: script === "dlq" ? (/^ -- (list|show|stats)\b/.exec(rest)?.[1] ?? "") : "",
    // What follows a comment's sign or stands between quotes is not the tool's.
    options:
      rest
        .replace(/ #.*/, "")
        .replace(/"[^"]*"|'[^']*'/g, "")
        .match(/--[a-z][a-z-]*/g) ?? [],
  }));
}

const commands = documents.flatMap((path) => findCommands(read(path)).map((command) => ({ path, ...command })));
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
/** npm's own. */
const OF_NPM = ["ci", "install"];

test("every npm command that is written down is one", () => {
  const unknown = commands.filter(({ script }) => !(script in scripts) && !OF_NPM.includes(script));
  expect(commands.length).toBeGreaterThan(50);
  expect(unknown).toEqual([]);
});

const withOptions = [
  ...new Set(
    commands
      .filter(({ options }) => options.length > 0)
      .map(({ script, subcommand }) => `${script} ${subcommand}`.trim()),
  ),
];

test.each(withOptions)("npm run %s knows the options that it is written down with", (name) => {
  const [script = "", ...subcommand] = name.split(" ");
  const { stdout } = spawnSync("npm", ["run", "--silent", script, "--", ...subcommand, "--help"], {
    cwd: projectRoot(),
    encoding: "utf8",
  });
  const used = commands.filter((command) => `${command.script} ${command.subcommand}`.trim() === name);
  const options = used.flatMap(({ options }) => options).filter((option) => option !== "--help");
  expect(options.filter((option) => !new RegExp(`${option}\\b`).test(stdout))).toEqual([]);
});

test.each(documents)("%s links to nothing that is not there", (path) => {
  const targets = [...read(path).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target = ""]) => target);
  const missing = targets.filter((target) => !existsSync(join(projectRoot(), dirname(path), target)));
  expect(missing).toEqual([]);
});

test("a command is found with its subcommand and its own options", () => {
  const text = '$ npm run dlq -- list --open  # --not\nnpm run replay-dlq -- --edit "sed -E --x" --go\n`npm test`';
  expect(findCommands(text)).toEqual([
    { script: "dlq", subcommand: "list", options: ["--open"] },
    { script: "replay-dlq", subcommand: "", options: ["--edit", "--go"] },
    { script: "test", subcommand: "", options: [] },
  ]);
});
