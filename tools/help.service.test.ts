import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../runtime/project-root";

// Named for the services because the tools have to be compiled.

const run = promisify(execFile);
const tools = ["publish", "dlq", "replay-dlq", "audit", "doctor", "bench", "chaos", "video", "reset", "completion"];
const ofDlq = ["stats", "list", "show"].map((subcommand) => ["dlq", subcommand]);
const commands = [...tools.map((tool) => [tool]), ...ofDlq, ["start"]];

test.each(commands)(
  "the help of %s %s fits a terminal, can be typed as it stands, and shows how",
  async (tool = "", ...words) => {
    const program = tool === "start" ? "start/main" : tool;
    const env = { PATH: process.env["PATH"] };
    const { stdout } = await run(
      process.execPath,
      [join(projectRoot(), `dist/tools/${program}.js`), ...words, "--help"],
      { env },
    );
    const typed = [tool === "start" ? "npm start --" : `npm run ${tool} --`, ...words].join(" ");
    expect(stdout.split("\n")[0]).toMatch(new RegExp(`^Usage: ${typed}( |$)`));
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toMatch(
      new RegExp(`^Examples:\\n {2}${typed.replace(/( --)?$/, "").replace(/^npm run /, "npm run (--silent )?")}`, "m"),
    );
    const [, examples = ""] = /^Examples:\n((?: {2}.*\n?)+)/m.exec(stdout) ?? [];
    expect(examples.trimEnd().split("\n").length).toBeGreaterThanOrEqual(2);
    const named = stdout.split("\n").filter((line) => /^ {2}(-\w, )?--\w/.test(line));
    expect(named.filter((line) => !/\S {2,}\S/.test(line))).toEqual([]);
    // What an example asks for is among what can be asked for.
    const options = examples.replace(/"[^"]*"|'[^']*'/g, "").match(/(?<!npm run )--[a-z][a-z-]+/g) ?? [];
    const told = stdout.replace(examples, "");
    expect(options.filter((option) => !new RegExp(`${option}\\b`).test(told))).toEqual([]);
  },
);

test("a shell that has no completion is told those that have one", async () => {
  const tool = join(projectRoot(), "dist/tools/completion.js");
  await expect(run(process.execPath, [tool, "ksh"])).rejects.toMatchObject({
    ...{ code: 2, stdout: "" },
    stderr:
      'SHELL cannot be "ksh": it is one of bash, zsh, fish\nnpm run completion -- --help lists what can be asked for\n',
  });
});
