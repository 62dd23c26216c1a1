import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Home, openHome } from "./home";
import { takeLock } from "./lock";
import { identify, isAlive } from "./process-identity";

let home: Home;

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-lock-")) });
});

afterEach(() => rmSync(home.folder, { recursive: true }));

test("a home is taken once, and again after its release", () => {
  const lock = takeLock(home);
  expect(takeLock(home)).toEqual({ heldBy: identify(process.pid) });
  if ("release" in lock) lock.release();
  expect(takeLock(home)).toHaveProperty("release");
});

test("whoever reads a lock in the moment of its taking finds its holder", async () => {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { readFileSync } = require("node:fs");
    for (let seen = 0; seen < 2000; ) {
      try {
        const text = readFileSync(workerData, "utf8");
        seen += 1;
        if (text === "") throw new Error("empty");
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
      }
    }`;
  const reader = new Worker(program, { eval: true, workerData: home.path("lock") });
  let hasEnded = false;
  const ended = once(reader, "exit").finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const lock = takeLock(home);
    if ("release" in lock) lock.release();
    await new Promise(setImmediate);
  }
  await ended;
});

test("the lock of a process whose pid is now another one's counts for nothing", () => {
  writeFileSync(home.path("lock"), JSON.stringify({ pid: process.pid, born: "another time" }));
  expect(takeLock(home)).toHaveProperty("release");
});

test("a damaged lock counts for nothing", () => {
  writeFileSync(home.path("lock"), '{"pid":');
  expect(takeLock(home)).toHaveProperty("release");
});

test("a process is alive until it has ended", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error("a living process has an identity");
  expect(isAlive(identity)).toBe(true);
  child.stdin.end();
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
});
