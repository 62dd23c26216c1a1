import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { wakeLate } from "./wake-late";

const USUAL_NS = 50_000;
const isLinux = process.platform === "linux";
/** Of another process only root may say it, and only Linux listens: for all others nothing changes. */
const mayBeSaid = isLinux && process.getuid?.() === 0;
let child: ChildProcess | undefined;

afterEach(() => void child?.kill("SIGKILL"));

/** A process whose first thread is called like this. */
async function processNamed(name: string): Promise<number> {
  const script = `process.title = ${JSON.stringify(name)}; console.log("named"); setInterval(() => {}, 60_000)`;
  // Node writes a title only where the command line has room for it.
  child = spawn(process.execPath, ["-e", script, "x".repeat(80)], { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout) await once(child.stdout, "data");
  return child.pid ?? 0;
}

const slackOf = (pid: number): number =>
  isLinux ? Number(readFileSync(`/proc/${pid}/timerslack_ns`, "utf8")) : USUAL_NS;

test("a thread that only looks at the clock may be woken a second late, if root says so", async () => {
  const pid = await processNamed("ExpirationReaper-1-Fetch");
  expect(wakeLate(pid)).toBe(mayBeSaid ? 1 : 0);
  expect(slackOf(pid)).toBe(mayBeSaid ? 1_000_000_000 : USUAL_NS);
});

// Fails when all threads of a JVM are woken late: the one that stops the others sleeps by the clock meanwhile.
test("every other thread is woken in time", async () => {
  const pid = await processNamed("VM Thread");
  expect(wakeLate(pid)).toBe(0);
  expect(slackOf(pid)).toBe(USUAL_NS);
});

test("of a process that has ended nothing is said", async () => {
  const pid = await processNamed("ExpirationReaper-1-Fetch");
  const ended = child ? once(child, "exit") : undefined;
  child?.kill("SIGKILL");
  await ended;
  expect(wakeLate(pid)).toBe(0);
});
