import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { readTable } from "./completion/read-table";
import { SCRIPTS, type Shell, shells, type Table, writeScript } from "./completion/shells";

// Named for the services because the tools have to be compiled.

const folder = mkdtempSync(join(tmpdir(), "orders-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));
let table: Table;
beforeAll(async () => {
  table = await readTable(projectRoot());
});

/** As each shell asks for what may stand where the line ends. */
const asking: Readonly<Record<Shell, string>> = {
  bash: `source "$0"; complete -p npm | grep -q _orders_npm || exit 9
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _orders_npm; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // The way of bashcompinit; zsh itself leaves out what does not begin as the word does.
  zsh: `source "$0"; ask() { emulate -L sh; setopt kshglob noshglob braceexpand
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _orders_npm; printf '%s\\n' "\${COMPREPLY[@]}"; }; ask "$@"`,
  fish: "source $argv[1]; complete -C (string join -- ' ' $argv[2..])",
};

function complete(shell: Shell, line: string, cwd = projectRoot()): string[] {
  const script = join(folder, shell);
  writeFileSync(script, writeScript(shell, projectRoot(), table));
  const plain = { bash: ["--norc"], zsh: ["-f"], fish: ["--no-config"] }[shell];
  const { stdout, stderr } = spawnSync(shell, [...plain, "-c", asking[shell], script, ...line.split(" ")], {
    cwd,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const word = line.split(" ").at(-1) ?? "";
  return stdout.split("\n").filter((each) => each !== "" && each.startsWith(word));
}

const installed = shells.filter((shell) =>
  ["/bin", "/usr/bin", "/usr/local/bin"].some((bin) => existsSync(join(bin, shell))),
);

describe.each(installed)("in %s", (shell) => {
  test.each([
    ["npm run repl", ["replay-dlq"]],
    ["npm run --silent dl", ["dlq"]],
    ["npm run dlq -- lis", ["list"]],
    ["npm run dlq -- list --re", ["--reason"]],
    ["npm run dlq -- list --reason un", ["unstorable"]],
    ["npm run dlq -- list --reason unstorable --lim", ["--limit"]],
    ["npm run bench -- fres", ["freshness"]],
    ["npm start -- --no-", ["--no-sample"]],
    ["npm run reader -- --", ["--help"]],
  ])("%s is completed", (line, expected) => {
    expect(complete(shell, line)).toEqual(expected);
  });

  test("another project's npm is left alone", () => {
    expect(complete(shell, "npm run repl", "/")).toEqual([]);
  });
});

test("every command that can be typed is among the words, and whatever a tool takes", () => {
  const text = readFileSync(join(projectRoot(), "package.json"), "utf8");
  const { scripts } = JSON.parse(text) as { scripts: Readonly<Record<string, string>> };
  const typed = Object.keys(scripts).filter((name) => !name.startsWith("pre"));
  expect(table.get(SCRIPTS)).toEqual(typed);
  const programs = typed.filter((name) => scripts[name]?.endsWith(".js"));
  expect(programs.filter((name) => !table.get(name)?.includes("--help"))).toEqual([]);
});

test("an unknown option is told with the nearest one that there is", () => {
  const tool = join(projectRoot(), "dist/tools/audit.js");
  const { status, stderr } = spawnSync(process.execPath, [tool, "--quik"], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("Did you mean --quick?") });
});
