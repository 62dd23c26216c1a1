import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";

/** `npm run X -- …` as people type it, in an environment that names nothing. */
function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return runWith({ ORDERS_HOME: "/nonexistent" }, ...args);
}

function runWith(env: Readonly<Record<string, string>>, ...args: string[]): ReturnType<typeof run> {
  const { PATH, HOME } = process.env;
  return spawnSync("npm", ["run", "--silent", ...args], {
    cwd: projectRoot(),
    env: { PATH, HOME, ...env },
    encoding: "utf8",
  });
}

test.each(["ingestor", "reader", "migrate"])("npm run %s tells what it is and which settings it reads", (name) => {
  const { status, stdout } = run(name, "--", "--help");
  expect(status).toBe(0);
  // Nothing of what made it ready stands before it.
  expect(stdout).toMatch(new RegExp(`^Usage: npm run ${name}\n`));
  expect(stdout).toMatch(/^ {2}DATABASE_URL +PostgreSQL, .* \(required\)$/m);
  expect(stdout).toMatch(/^Exit codes: 0 /m);
});

test("npm start -- --help tells what it can be told, and starts nothing", () => {
  const { status, stdout } = run("start", "--", "--help");
  expect(status).toBe(0);
  for (const option of ["--port", "--no-sample", "--quiet", "KAFKA_HOME"]) expect(stdout).toContain(option);
});

test("npm start refuses what it does not know", () => {
  const { status, stderr } = run("start", "--", "--loud");
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("unknown option '--loud'") });
  expect(stderr).toContain("npm start -- --help lists");
});

test.each(["ingestor", "reader", "migrate"])("npm run %s refuses what it does not know, in one line", (name) => {
  const { status, stdout, stderr } = run(name, "--", "--loud");
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(`--loud is not known: npm run ${name} -- --help tells what is\n`);
});

test("a slip in --help is told as one", () => {
  expect(run("reader", "--", "--hlep").stderr).toBe(
    "--hlep is not known (did you mean --help?): npm run reader -- --help tells what is\n",
  );
});

test.each(["ingestor", "reader", "migrate"])("npm run %s without a database says what to do", (name) => {
  const { status, stderr } = run(name);
  expect(status).toBe(2);
  expect(stderr).toMatch(/DATABASE_URL is missing: .*npm start.*set -a; \. \.local\/env; set \+a/);
});

test.each(["audit", "dlq", "replay-dlq"])("npm run %s where nothing was ever started says so in one line", (name) => {
  const { status, stderr } = run(name);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/^no system is known here: .*\n$/) });
  expect(stderr).toContain("npm start starts one");
});

// Fails when the way out names a line that npm passes on no better, or when something is done that was not asked for.
test.each([
  [["replay-dlq", "--go"], "npm run replay-dlq -- --go"],
  [["publish", "--generate", "3"], "npm run publish -- --generate 3"],
  [["start", "--no-sample"], "npm start -- --no-sample"],
])("npm run %j without -- does nothing and tells the line that does it", (line, instead) => {
  const { status, stdout, stderr } = run(...line);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(`put -- before the options: ${instead}\n`);
});

test("npm run reset without a terminal changes nothing and says how it is done unasked", () => {
  const home = mkdtempSync(join(tmpdir(), "orders-reset-"));
  writeFileSync(join(home, "passwords.json"), "{}");
  const { status, stderr } = runWith({ ORDERS_HOME: home }, "reset");
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/nothing was changed: .* --yes/) });
  expect(existsSync(join(home, "passwords.json"))).toBe(true);
  rmSync(home, { recursive: true });
});
