import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("SIGTERM to npm alone leaves no process behind within ten seconds", async () => {
  process.kill(system.pid, "SIGTERM");
  await waitUntil("no process of the system is left", () => processesNaming(home).length === 0, { limitMs: 10_000 });
}, 30_000);

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
