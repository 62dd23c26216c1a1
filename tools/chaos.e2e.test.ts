import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { processesNaming } from "../e2e/support/processes-naming";
import { waitUntil } from "../e2e/support/wait-until";
import { projectRoot } from "../runtime/project-root";
import { failureCounts, type RunResult } from "./chaos/result";
import { copyWithout, guardNames } from "./chaos/without-guard";

const home = mkdtempSync(join(tmpdir(), "orders-chaos-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function startChaos(...args: string[]) {
  return spawn(process.execPath, [join(projectRoot(), "dist/tools/chaos.js"), ...args], {
    env: { PATH: process.env["PATH"], ORDERS_HOME: home, DATABASE_URL: "postgresql://nobody@127.0.0.1:1/not-this-one" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const keptRuns = (): string[] => readdirSync(join(home, "chaos"));

// The mutations that make such a run fail are tried by `npm run chaos -- --without GUARD`: docs/chaos.md has what it found.
test("a short run under faults of several kinds loses nothing, doubles nothing, and leaves nothing behind", async () => {
  const chaos = startChaos("--seed", "52593", "--seconds", "12", "--json");
  const [stdout, stderr, [code]] = await Promise.all([text(chaos.stdout), text(chaos.stderr), once(chaos, "exit")]);
  const { ok, runs } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { ok: boolean; runs: RunResult[] };
  const wrong = Object.fromEntries(failureCounts.map((name) => [name, runs[0]?.[name]]));
  expect({ wrong, stderr }).toEqual({ wrong: Object.fromEntries(failureCounts.map((name) => [name, 0])), stderr });
  expect({ ok, code }).toEqual({ ok: true, code: 0 });
  const others = ["seed", "seconds", "orders", "poison", "asked", "unavailable", "redelivered"];
  const keys = [...failureCounts, ...others, "longestStallMs", "recoveredMs", "faults"];
  expect(Object.keys(runs[0] ?? {}).toSorted()).toEqual(keys.toSorted());
  expect(runs[0]?.orders).toBeGreaterThan(100);
  expect(runs[0]?.poison).toBeGreaterThan(5);
  expect(runs[0]?.asked).toBeGreaterThan(100);
  expect(Object.keys(runs[0]?.faults ?? {}).length).toBeGreaterThanOrEqual(4);
  expect(keptRuns()).toEqual([]);
  await waitUntil("no process is left", () => processesNaming(home).length === 0);
}, 240_000);

test("Ctrl-C in the middle of a run ends everything that it had started, also what is frozen", async () => {
  const chaos = startChaos("--seed", "1", "--seconds", "60", "--faults", "freeze");
  const ended = once(chaos, "exit");
  const errors = text(chaos.stderr);
  await waitUntil("a part is frozen", () => keptRuns().some((run) => logOf(run).includes("freeze")), {
    limitMs: 150_000,
  });
  chaos.kill("SIGINT");
  expect(await ended).toEqual([1, null]);
  expect(await errors).toMatch(/interrupted/);
  await waitUntil("no process is left", () => processesNaming(home).length === 0);
  expect(keptRuns()).toEqual([]);
}, 240_000);

function logOf(run: string): string {
  const file = join(home, "chaos", run, "logs/chaos.log");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

test.each(guardNames)("the guard %s is found in the compiled programs, to be cut out", (guard) => {
  const folder = join(home, `without-${guard}`);
  copyWithout(guard, join(projectRoot(), "dist"), folder);
  expect(existsSync(join(folder, "ingestor/main.js"))).toBe(true);
  expect(() => copyWithout(guard, folder, join(home, "twice"))).toThrow(`the guard "${guard}" is 0 times in`);
});

test("a fault that there is not is a mistake of whoever asks for it", async () => {
  const chaos = startChaos("--faults", "kill,earthquake");
  const [errors, [code]] = await Promise.all([text(chaos.stderr), once(chaos, "exit")]);
  expect(code).toBe(2);
  expect(errors).toContain("There are kill, freeze, restart");
});
