import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../../e2e/support/wait-until";
import { type Home, openHome } from "./home";
import { endLeftovers } from "./leftovers";
import { clearStalePid } from "./postgres";
import { identify, isAlive, type ProcessIdentity } from "./process-identity";
import { signalAll } from "./process-tree";
import { createSteps } from "./steps";

let home: Home;
let data: string;
let said: string;
const started: ChildProcess[] = [];
const steps = createSteps({ write: (text) => (said += text) });

/** A process that lives until it is told to end; it was started by this name, and these words stand in its command line. */
const runAs = async (argv0: string, ...words: string[]): Promise<ProcessIdentity> => {
  const child = spawn(process.execPath, ["-e", "console.log(); setInterval(() => {}, 1000)", "--", ...words], {
    argv0,
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  await once(child.stdout, "data");
  return identify(child.pid ?? 0) ?? { pid: 0, born: "never" };
};
const run = (...words: string[]): Promise<ProcessIdentity> => runAs("node", ...words);

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-leftovers-")) });
  data = home.path("postgres/data");
  mkdirSync(data, { recursive: true });
  said = "";
});

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  rmSync(home.folder, { recursive: true });
});

test("what an earlier run left behind is ended, and that is said", async () => {
  const leftover = await run();
  writeFileSync(home.path("running.json"), JSON.stringify({ ingestor: leftover }));
  await endLeftovers(home, steps);
  expect(isAlive(leftover)).toBe(false);
  expect(said).toContain(`ending the ingestor that an earlier run left behind (process ${leftover.pid})`);
});

// Fails when only its group is killed: a PostgreSQL that is frozen would leave its processes behind.
test("what an earlier run left behind is frozen, and is ended with what it has started in other groups", async () => {
  const script = "console.log(require('child_process').spawn('sleep', ['600'], { detached: true }).pid)";
  const parent = spawn(process.execPath, ["-e", `${script}; setInterval(() => {}, 1000)`]);
  started.push(parent);
  const pids = [parent.pid ?? 0, Number(await once(parent.stdout, "data"))];
  const [leftover, itsOwn] = pids.map(identify);
  signalAll(pids, "SIGSTOP");
  writeFileSync(home.path("running.json"), JSON.stringify({ Postgres: leftover }));
  await endLeftovers(home, steps);
  await waitUntil("it is gone too", () => itsOwn !== undefined && !isAlive(itsOwn));
}, 20_000);

// Fails when a process is known by its pid alone.
test("a process that has by now the pid of one that an earlier run had lives on", async () => {
  const foreign = await run();
  writeFileSync(home.path("running.json"), JSON.stringify({ ingestor: { ...foreign, born: "another time" } }));
  await endLeftovers(home, steps);
  expect(isAlive(foreign)).toBe(true);
  expect(said).toBe("");
});

test("where the record was lost, a Kafka is known by its data; who only reads about it, lives on", async () => {
  const words = ["kafka.Kafka", home.path("kafka/server.properties")];
  const kafka = await runAs("/usr/bin/java", ...words);
  const others = await runAs("/usr/bin/java", "kafka.Kafka", "/elsewhere/kafka/server.properties");
  const readers = await Promise.all([runAs("less", ...words), runAs("java", `about ${words.join(" ")}`)]);
  await endLeftovers(home, steps);
  expect([kafka, others, ...readers].map(isAlive)).toEqual([false, true, true, true]);
});

test.each([
  ["without these data", () => run("another program")],
  ["that only reads them", () => runAs("tail", data)],
])("a pid file that names a process %s is removed, and the process lives on", async (_, runForeign) => {
  const foreign = await runForeign();
  writeFileSync(join(data, "postmaster.pid"), `${foreign.pid}\n${data}\n`);
  await clearStalePid(data);
  expect(existsSync(join(data, "postmaster.pid"))).toBe(false);
  expect(isAlive(foreign)).toBe(true);
});

test("a Postgres that still runs on these data is asked to stop, and awaited", async () => {
  const postgres = await runAs("/bin/postgres", "-D", data);
  writeFileSync(join(data, "postmaster.pid"), `${postgres.pid}\n${data}\n`);
  await clearStalePid(data);
  expect(isAlive(postgres)).toBe(false);
});

test("a pid file whose process is gone is left to Postgres, and an empty one too", async () => {
  for (const text of ["4194305\n", ""]) {
    writeFileSync(join(data, "postmaster.pid"), text);
    await clearStalePid(data);
    expect(existsSync(join(data, "postmaster.pid"))).toBe(true);
  }
});
