import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { makeLightClone } from "./support/light-clone";
import { processesNaming } from "./support/processes-naming";
import { type RunningSystem, runSystem } from "./support/run-system";
import { waitUntil } from "./support/wait-until";

const SAMPLE = "b563feb7b2b84b6test";
// mkdtemp makes a folder that only its owner may enter.
const closed = mkdtempSync(join(tmpdir(), "orders-recovery-"));
const clone = join(closed, "клон с пробелом");
const home = join(clone, ".local");
/** One of the compiler's outputs, which the start needs. */
const MADE = "dist/reader/main.js";
const others: Server[] = [];
let system: RunningSystem;

const getSample = async (): Promise<Buffer> => {
  const answer = await fetch(`${system.readerUrl}/orders/${SAMPLE}`);
  return Buffer.from(await answer.arrayBuffer());
};

/** Cuts one of the jars off, as a power cut or a full disk does. */
const cutJar = (): void => {
  const [kept = ""] = readdirSync(join(projectRoot(), ".local/kafka")).filter((name) => /^jars-\w+$/.test(name));
  const folder = join(home, "kafka", kept);
  cpSync(join(projectRoot(), ".local/kafka", kept), folder, { recursive: true });
  const [jar = ""] = readdirSync(join(folder, "libs")).filter((name) => name.startsWith("kafka-clients"));
  truncateSync(join(folder, "libs", jar), 1_000_000);
};

const takePort = async (port: number): Promise<true> => {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  others.push(server);
  return true;
};

beforeAll(async () => {
  makeLightClone(clone);
  cutJar();
  // What containers, cron and ssh have: letters beyond ASCII in a path are then nothing that Java would know.
  system = await runSystem(home, { clone, env: { LC_ALL: "C" } });
}, 300_000);

afterAll(async () => {
  for (const server of others) server.close();
  await system?.stop();
  rmSync(closed, { recursive: true, force: true });
});

// Fails when Java is left the locale that it is given.
test("a path with spaces and Cyrillic, in a folder that only its owner may enter, holds a whole system in the locale C", async () => {
  expect(statSync(closed).mode & 0o777).toBe(0o700);
  expect(await getSample()).toEqual(readFileSync(join(projectRoot(), "ingestor/order-example.json")));
});

test("PostgreSQL, which refuses root, does not run as root", () => {
  const [postgres = ""] = processesNaming(home).filter((line) => /^\d+ \S.*\/postgres -D /.test(line));
  const pid = Number.parseInt(postgres, 10);
  const [inside = 0] = readFileSync(`/proc/${pid}/uid_map`, "utf8").trim().split(/\s+/).map(Number);
  const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  expect(inside === 0 ? Number(uid) : inside).not.toBe(0);
});

// Fails when Kafka is told to write its classes to a whole path: jcmd takes a space for the end of a name.
test("Kafka's classes are kept for later starts", () => {
  const [folder = ""] = readdirSync(join(home, "kafka")).filter((name) => /^jars-\w+$/.test(name));
  expect(readdirSync(join(home, "kafka", folder))).toContainEqual(expect.stringMatching(/^classes-\w+-\d+\.jsa$/));
  expect(system.said()).not.toContain("later starts take longer");
});

test("a jar that was cut off is fetched again, and that is said", () => {
  expect(system.said()).toMatch(/jars-\w+: kafka-clients-[\d.]+\.jar is cut off; it is fetched again/);
});

/** Itself notes the end of what it has started; pids begin anew, and so do not tell who was first. */
const isSupervisor = (line: string): boolean => line.includes("dist/tools/start/main.js");

/** A child of PostgreSQL ends by itself when its parent is killed. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

test("after a kill -9 of everything, lost passwords, emptied notes of Kafka's, zeros in what was compiled and a taken port, the next start goes on with the same orders", async () => {
  const pagePort = Number(new URL(system.readerUrl).port);
  const running = processesNaming(home);
  const supervisors = running.filter(isSupervisor);
  expect(supervisors).not.toEqual([]);
  for (const line of [...supervisors, ...running]) killIfThere(Number.parseInt(line, 10));
  await waitUntil("no process of the system is left", () => processesNaming(home).length === 0);
  rmSync(join(home, "passwords.json"));
  writeFileSync(join(home, "env"), Buffer.alloc(200));
  for (const name of ["meta.properties", "bootstrap.checkpoint"]) writeFileSync(join(home, "kafka/data", name), "");
  // What was written last is there with its length, and without its content.
  for (const made of [MADE, "prisma/generated/client.ts"])
    writeFileSync(join(clone, made), Buffer.alloc(statSync(join(clone, made)).size));
  // A killed process gives up its memory, by which it is found, a moment before its ports.
  await waitUntil("another program has the page's port", () => takePort(pagePort));

  system = await runSystem(home, { clone, args: ["--no-sample"] });
  expect(await getSample()).toEqual(readFileSync(join(projectRoot(), "ingestor/order-example.json")));
  expect(system.said()).toContain(`${home}/env is damaged (200 bytes): it is written anew`);
  expect(readFileSync(join(clone, MADE))).toEqual(readFileSync(join(projectRoot(), MADE)));
  for (const name of ["meta.properties", "bootstrap.checkpoint"])
    expect(system.said()).toContain(`${name} was lost or damaged: it is put back as it was`);
  expect(system.said()).toMatch(/the last run was not stopped: .*Postgres.* ran/);
  expect(new URL(system.readerUrl).port).not.toBe(`${pagePort}`);
  expect(system.said()).toContain("Postgres has other passwords than passwords.json: they are set anew");
}, 300_000);
