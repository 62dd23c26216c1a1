import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../runtime/project-root";
import { canConnect } from "../tools/start/kafka-answers";
import { CLOCK_WATCHERS } from "../tools/start/wake-late";
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

/** The first process of the system whose command has these words. */
const pidMatching = (words: RegExp): number => {
  const [found] = processesNaming(home).filter((line) => words.test(line));
  if (found === undefined) throw new Error(`${words} is not running`);
  return Number.parseInt(found, 10);
};

const kafkaPort = (): number => Number(system.env["KAFKA_BROKERS"]?.split(":")[1]);

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
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

test.each([
  ["ingestor", / \S*node .*dist\/ingestor\/main\.js/],
  ["reader", / \S*node .*dist\/reader\/main\.js/],
  ["Postgres", /\/postgres -D /],
  ["Kafka", / \S*java .* kafka\.Kafka /],
])(
  "a killed %s comes back, and both processes are ready again",
  async (name, words) => {
    const killed = pidMatching(words);
    process.kill(killed, "SIGKILL");
    await waitUntil(`another ${name} runs`, () => pidMatching(words) !== killed);
    const ready = async (url = ""): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;
    // An ingestor whose Kafka is gone may be ready until it has seen that.
    if (name === "Kafka") await waitUntil("Kafka listens", () => canConnect(kafkaPort()));
    await waitUntil(`both are ready`, async () => (await ready(system.readerUrl)) && ready(system.env["INGESTOR_URL"]));
    expect(system.said()).toContain(`${name} ended (SIGKILL); it is started again`);
  },
  180_000,
);

// Fails when another version of Kafka calls its threads otherwise: they would be woken in time again, each by itself.
test("every kind of thread that may be woken late is one of the broker's", () => {
  const folder = `/proc/${pidMatching(/ \S*java .* kafka\.Kafka /)}/task`;
  const names = readdirSync(folder).map((thread) => readFileSync(join(folder, thread, "comm"), "utf8").trim());
  expect(CLOCK_WATCHERS.filter((name) => !names.includes(name))).toEqual([]);
});

/** The lines of the README's block after these words, without their comments. */
const linesAfter = (words: string): string[] => {
  const readme = readFileSync(join(projectRoot(), "README.md"), "utf8");
  const [, block = ""] = readme.split(words)[1]?.split("```\n") ?? [];
  return block
    .trim()
    .split("\n")
    .map((line) => line.replace(/ +# .*/, ""));
};

// The addresses and the file are this test's; all else is typed as it stands.
test("the README's commands for a second terminal, and that of a replay, can be typed as they stand, one after the other", async () => {
  const replay = linesAfter("Without `--go` it only says what would happen:");
  const lines = [...linesAfter("In a second terminal:"), ...replay];
  const order = join(home, "my-order.json");
  const example = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
  writeFileSync(order, example.replaceAll(SAMPLE, "my-order"));
  expect(lines).toHaveLength(9);
  for (const line of lines) {
    const typed = line.replace("my-order.json", order).replace("http://127.0.0.1:8080", system.readerUrl);
    const shell = spawn("sh", ["-c", typed], { cwd: projectRoot(), env: { ...process.env, ORDERS_HOME: home } });
    let said = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (text) => (said += text));
    const [code] = await once(shell, "close");
    expect({ line, code, said: code === 0 ? "" : said }).toEqual({ line, code: 0, said: "" });
    if (line.startsWith("curl")) expect(said).toContain(example);
  }
  const mine = await waitUntil("the order of the file is read", async () => {
    const answer = await fetch(`${system.readerUrl}/orders/my-order`);
    return answer.ok && answer.text();
  });
  expect(mine).toBe(example.replaceAll(SAMPLE, "my-order"));
}, 180_000);

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

test("started again with --quiet and --port, the orders are there before anything is published, on that port, without a word of the processes", async () => {
  const port = await freePort();
  system = await runSystem(home, { args: ["--no-sample", "--quiet", "--port", `${port}`] });
  expect(system.readerUrl).toBe(`http://127.0.0.1:${port}`);
  expect(timesSaid("process.started")).toBe(0);
  expect(await getSample()).toEqual(readFileSync(join(projectRoot(), "ingestor/order-example.json")));
}, 180_000);

test("after a kill -9 of the supervisor nothing stays for long, and the next start goes on", async () => {
  process.kill(pidMatching(/^\d+ \S*node .*dist\/tools\/start\/main\.js/), "SIGKILL");
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
