import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";

const log = join(projectRoot(), "dist/runtime/log.js");
const program = `require(${JSON.stringify(log)}).createLog("reader", { LOG_LEVEL: "info", LOG_FORMAT: "pretty" }).warn({ event: "x" }, "hello")`;
const ESCAPE = "\u001b[";

/** What a process writes whose log is asked to be for people. */
function write(command: string, args: readonly string[], env: Readonly<Record<string, string>>): string {
  const { PATH } = process.env;
  return spawnSync(command, args, { env: { PATH, PROGRAM: program, TERM: "xterm", ...env }, encoding: "utf8" }).stdout;
}

test.each([
  ["a terminal", "script", ["-qec", 'node -e "$PROGRAM"', "/dev/null"], {}, true],
  ["a terminal with NO_COLOR", "script", ["-qec", 'node -e "$PROGRAM"', "/dev/null"], { NO_COLOR: "1" }, false],
  ["a pipe", "node", ["-e", program], {}, false],
] as const)("LOG_FORMAT=pretty on %s", (_, command, args, env, isColoured) => {
  const text = write(command, args, env);
  expect(text).toContain("reader: hello");
  expect(text.includes(ESCAPE)).toBe(isColoured);
});
