import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../runtime/project-root";
import { processesNaming } from "./support/processes-naming";
import { type RunningSystem, runSystem, startSystem } from "./support/run-system";
import { waitUntil } from "./support/wait-until";

const SAMPLE = "b563feb7b2b84b6test";
const home = mkdtempSync(join(tmpdir(), "orders-start-"));
let system: RunningSystem;

const getSample = async (): Promise<Buffer> => {
  const answer = await fetch(`${system.readerUrl}/orders/${SAMPLE}`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
};

/** The one Node process of the system that runs this program; npm's shell, which names it too, is not meant. */
const pidOf = (program: string): number => {
  const [found] = processesNaming(home).filter((line) => /^\d+ \S*node /.test(line) && line.includes(program));
  if (found === undefined) throw new Error(`${program} is not running`);
  return Number.parseInt(found, 10);
};

const reset = () =>
  spawnSync("npm", ["run", "--silent", "reset", "--", "--yes"], {
    cwd: projectRoot(),
    env: { ...process.env, ORDERS_HOME: home },
    encoding: "utf8",
  });

beforeAll(async () => {
  system = await runSystem(home);
}, 180_000);

afterAll(async () => {
  await system?.stop();
  rmSync(home, { recursive: true, force: true });
});

test("after the start the sample order is answered byte for byte", async () => {
  expect(await getSample()).toEqual(readFileSync(join(projectRoot(), "ingestor/order-example.json")));
});

/** How often the processes have said this since the system was started. */
const timesSaid = (event: string): number => system.said().split(`"event":"${event}"`).length - 1;

// Fails when the lines that are held back while the start shows its own are not passed on after them.
test("what the processes said while they were started is not kept from anybody", async () => {
  await waitUntil("both have said that they started", () => timesSaid("process.started") === 2);
});

test("a second start names the first one's address and ends with 0", async () => {
  const { child, said } = startSystem(home, []);
  const [code] = await once(child, "exit");
  expect(said()).toContain(system.readerUrl);
  expect(code).toBe(0);
});

test.each(["ingestor", "reader"])(
  "a killed %s comes back",
  async (name) => {
    const program = `dist/${name}/main.js`;
    const killed = pidOf(program);
    process.kill(killed, "SIGKILL");
    await waitUntil(`another ${name} runs`, () => pidOf(program) !== killed);
    const url = name === "reader" ? system.readerUrl : system.env["INGESTOR_URL"];
    await waitUntil(`the ${name} is ready`, async () => (await fetch(`${url}/readyz`)).ok, { limitMs: 40_000 });
  },
  80_000,
);

// The lines are those of the README.
test.each([
  ["ingestor", "DATABASE_URL=$INGESTOR_DATABASE_URL INGESTOR_PORT=0 npm run ingestor"],
  ["reader", "DATABASE_URL=$READER_DATABASE_URL READER_PORT=0 npm run reader"],
])("one more %s runs beside the system, and SIGTERM to its npm alone ends it", async (name, line) => {
  expect(readFileSync(join(projectRoot(), "README.md"), "utf8")).toContain(`\nset -a; . .local/env; set +a\n`);
  expect(readFileSync(join(projectRoot(), "README.md"), "utf8")).toContain(`\n${line}\n`);
  const shell = spawn("sh", ["-c", `set -a; . '${home}/env'; set +a\n${line}`], {
    cwd: projectRoot(),
    env: { ...process.env, ORDERS_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  shell.stdout.on("data", (text) => {
    said += text;
  });
  await waitUntil(`the ${name} has started`, () => said.includes('"process.started"'));
  const ours = (words: RegExp): number[] =>
    processesNaming(home)
      .filter((each) => words.test(each))
      .map((each) => Number.parseInt(each, 10));
  const program = new RegExp(`^\\d+ \\S*node tools/start/run.mjs dist/${name}/main.js`);
  expect(ours(program)).toHaveLength(1);
  for (const pid of ours(new RegExp(`^\\d+ npm run ${name}`))) process.kill(pid, "SIGTERM");
  await waitUntil("it has ended", () => ours(program).length === 0, { limitMs: 10_000 });
});

test("bench idle measures each part of the running system", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      join(projectRoot(), "dist/tools/bench.js"),
      ...["idle", "--rounds", "1", "--seconds", "1", "--settle", "0", "--json"],
    ],
    { env: { ...process.env, ORDERS_HOME: home } },
  );
  const { rows, goals } = JSON.parse(stdout);
  for (const part of ["Kafka", "Postgres", "ingestor", "reader", "supervisor", "all together"]) {
    expect(rows[`${part}: processor`].median).toBeGreaterThanOrEqual(0);
    expect(rows[`${part}: memory`].median).toBeGreaterThan(1);
  }
  expect(goals.map(({ goal }: { goal: string }) => goal)).toEqual(["processor, % of a core", "memory, MiB"]);
});

test("npm run reset leaves a running system as it is", () => {
  const { status, stderr } = reset();
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^Orders is running .*: stop it first/),
  });
});

test("SIGTERM to npm alone leaves no process behind", async () => {
  process.kill(system.pid, "SIGTERM");
  await waitUntil("no process of the system is left", () => processesNaming(home).length === 0, { limitMs: 30_000 });
  await waitUntil("the last words of both were passed on", () => timesSaid("process.stopped") === 2);
});

test("started again, the orders are there before anything is published", async () => {
  system = await runSystem(home, { args: ["--no-sample"] });
  expect(await getSample()).toEqual(readFileSync(join(projectRoot(), "ingestor/order-example.json")));
}, 180_000);

test("after a kill -9 of the supervisor nothing stays for long, and the next start goes on", async () => {
  process.kill(pidOf("dist/tools/start/main.js"), "SIGKILL");
  await waitUntil("no process of the system is left", () => processesNaming(home).length === 0);
  system = await runSystem(home, { args: ["--no-sample"] });
  await getSample();
}, 180_000);

test("npm run reset forgets the stopped system's data, addresses and passwords", async () => {
  await system.stop();
  expect(reset().status).toBe(0);
  for (const name of ["postgres", "env", "passwords.json", "kafka/data"])
    expect(existsSync(join(home, name))).toBe(false);
});
