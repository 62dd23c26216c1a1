import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../../e2e/support/wait-until";
import { projectRoot } from "../../runtime/project-root";
import { callGuardian, type Guardian } from "./guardian";
import { type Home, openHome } from "./home";
import { createRunningRecord, type RunningRecord } from "./leftovers";
import { identify } from "./process-identity";
import { signalAll } from "./process-tree";
import { createSteps } from "./steps";
import { type Supervised, supervise } from "./supervise";

let home: Home;
let helpers: { guardian: Guardian; running: RunningRecord; steps: ReturnType<typeof createSteps> };
let supervised: Supervised | undefined;

/** Supervises a program that first writes its pid as a line of the log. */
const start = (program: string): Supervised => {
  const script = `console.log(process.pid);${program}`;
  const logFile = home.path("log");
  supervised = supervise({ name: "it", command: process.execPath, args: ["-e", script], logFile }, helpers);
  return supervised;
};
const pids = (): number[] => readFileSync(home.path("log"), "utf8").match(/^\d+$/gm)?.map(Number) ?? [];

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-supervise-")) });
  helpers = {
    guardian: callGuardian(home),
    running: createRunningRecord(home),
    steps: createSteps({ write: () => {} }),
  };
});

afterEach(async () => {
  await supervised?.stop(1_000);
  helpers.guardian.dismiss();
  rmSync(home.folder, { recursive: true });
});

test("a process that is killed is started again", async () => {
  start("setInterval(() => {}, 1000)");
  const [first = 0] = await waitUntil("it runs", () => pids().length > 0 && pids());
  process.kill(first, "SIGKILL");
  const [, second] = await waitUntil("it runs again", () => pids().length > 1 && pids());
  expect(second).not.toBe(first);
});

// Fails when an error of the record escapes: a full disk, which ends Kafka, would then keep it down for good.
test("a process is started again also while nobody can write down which ones run", async () => {
  start("setInterval(() => {}, 1000)");
  const [first = 0] = await waitUntil("it runs", () => pids().length > 0 && pids());
  const record = await waitUntil("it is written down", () => readFileSync(home.path("running.json"), "utf8"));
  expect(record).toContain(String(first));
  rmSync(home.path("running.json"));
  mkdirSync(home.path("running.json/taken"), { recursive: true });
  process.kill(first, "SIGKILL");
  await waitUntil("it runs again", () => pids().length > 1, { limitMs: 30_000 });
});

// Fails when only its first start counts: a broker that had crashed would wake in time, and often, from then on.
test("a process is told to have settled some time after each start", async () => {
  const told: number[] = [];
  const script = "console.log(process.pid); setInterval(() => {}, 1000)";
  const logFile = home.path("log");
  const service = { name: "it", command: process.execPath, args: ["-e", script], logFile };
  supervised = supervise({ ...service, settled: { afterMs: 500, call: (pid) => told.push(pid) } }, helpers);
  const [first = 0] = await waitUntil("it has settled", () => told.length > 0 && told);
  process.kill(first, "SIGKILL");
  await waitUntil("it has settled again", () => told.length > 1);
  expect(told).toEqual(pids());
});

test("a process that dies six times before it is ready does not start, and its log is named", async () => {
  const ready = start("process.exit(7)").whenReady(async () => false);
  await expect(ready).rejects.toThrow(`it does not start: exit code 7; ${home.path("log")} says why`);
  expect(pids()).toHaveLength(6);
});

test("a process that does not heed its signal is killed when its time is over", async () => {
  const it = start("process.on('SIGTERM', () => {}); console.log('deaf'); setInterval(() => {}, 1000)");
  const log = await waitUntil("it is deaf", () => /deaf/.test(readFileSync(home.path("log"), "utf8")) && pids());
  await it.stop(200);
  expect(log.map(identify)).toEqual([undefined]);
});

/** One that never ends by itself, and what it starts in a group of its own, as PostgreSQL does. Both are frozen. */
const startFrozen = async (): Promise<Supervised> => {
  // One that is started once more beside the test ends by itself.
  const idle = "setTimeout(() => {}, 60_000)";
  const options = "{ detached: true, stdio: 'ignore' }";
  const it = start(
    `${idle}; console.log(require("child_process").spawn(process.execPath, ["-e", "${idle}"], ${options}).pid)`,
  );
  signalAll(await waitUntil("both run", () => pids().length === 2 && pids()), "SIGSTOP");
  return it;
};

// Fails when only its group is killed: a PostgreSQL that is frozen would leave its processes behind.
test("a process that is frozen is killed with what it has started in other groups", async () => {
  const it = await startFrozen();
  await it.stop(200);
  await waitUntil("both are gone", () => pids().every((pid) => identify(pid) === undefined));
});

// Fails as the one before it.
test("when the supervisor is killed the guardian ends what is frozen, with what it has started in other groups", async () => {
  await startFrozen();
  const [pid = 0] = pids();
  const guardian = spawn("sh", [join(projectRoot(), "tools/start/guardian.sh"), home.folder], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  guardian.stdin.end(`add ${pid} TERM\n`);
  await once(guardian, "exit");
  const [, started = 0] = pids();
  await waitUntil("both are gone", () => [pid, started].every((each) => identify(each) === undefined));
});

test("a stopped process is not started again", async () => {
  const it = start("setInterval(() => {}, 1000)");
  const [first = 0] = await waitUntil("it runs", () => pids().length > 0 && pids());
  await it.stop(2_000);
  expect(identify(first)).toBeUndefined();
  expect(pids()).toEqual([first]);
});
