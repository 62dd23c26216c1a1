import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Home, openHome } from "./home";
import { createPorts } from "./ports";
import { identify } from "./process-identity";
import { createSteps } from "./steps";

let home: Home;
let said: string[];
const servers: Server[] = [];
const ports = (anyPorts = false) => createPorts(home, createSteps({ write: (text) => said.push(text) }), anyPorts);

/** Takes a free port and gives its number. */
async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

beforeEach(() => {
  home = openHome({ ORDERS_HOME: mkdtempSync(join(tmpdir(), "orders-ports-")) });
  said = [];
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(home.folder, { recursive: true });
});

test("a taken port gives way to a later one, and that is said", async () => {
  const taken = await takePort();
  expect(await ports().choose("Kafka", taken)).toBeGreaterThan(taken);
  expect(said.join()).toContain(`port ${taken} is taken`);
});

test("a choice is remembered by the next start, which says that it is not the usual port", async () => {
  const first = await ports(true).choose("Kafka", 9092);
  expect(said).toEqual([]);
  expect(await ports().choose("Kafka", 9092)).toBe(first);
  expect(said.join()).toContain(`Kafka listens on ${first} instead of 9092, as at the last start`);
});

test("a port that was asked for goes before the remembered one", async () => {
  const wish = await ports(true).choose("other", 1);
  await ports(true).choose("the page", 8080);
  expect(await ports().choose("the page", 8080, wish)).toBe(wish);
});

test("a port that another living start has claimed, though nobody listens on it yet, gives way to a later one", async () => {
  const other = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  await once(other, "spawn");
  const port = await takePort();
  for (const server of servers.splice(0)) await promisify(server.close.bind(server))();
  const claim = join(tmpdir(), "orders-ports", String(port));
  mkdirSync(dirname(claim), { recursive: true });
  writeFileSync(claim, JSON.stringify(identify(other.pid ?? 0)));
  expect(await ports().choose("Kafka", port)).toBeGreaterThan(port);
  other.stdin.end();
  await once(other, "exit");
  expect(await ports().choose("Postgres", port)).toBe(port);
});

test("what a killed start has claimed is forgotten by the next one, whichever ports it takes", () => {
  const claim = join(tmpdir(), "orders-ports", "65535");
  mkdirSync(dirname(claim), { recursive: true });
  writeFileSync(claim, JSON.stringify({ pid: process.pid, born: "another time" }));
  ports();
  expect(existsSync(claim)).toBe(false);
});

test("a port that was asked for and is taken is said also where any port will do", async () => {
  const taken = await takePort();
  expect(await ports(true).choose("the page", 8080, taken)).not.toBe(taken);
  expect(said.join()).toContain(`port ${taken} is taken: the page listens on`);
});

test("however many ports are chosen, one listener gives them back at the end, and none is left once they are", async () => {
  const before = process.listenerCount("exit");
  const all = ports(true);
  const chosen: number[] = [];
  for (const part of ["a", "b", "c"]) chosen.push(await all.choose(part, 1));
  expect(process.listenerCount("exit") - before).toBeLessThanOrEqual(1);
  all.release();
  // Another start on this machine may have claimed one of them since.
  const claims = chosen
    .map((port) => join(tmpdir(), "orders-ports", String(port)))
    .filter((claim) => existsSync(claim));
  for (const claim of claims) expect(JSON.parse(readFileSync(claim, "utf8"))).not.toMatchObject({ pid: process.pid });
});

test("two parts never get the same port", async () => {
  const all = ports(true);
  const chosen = [await all.choose("a", 1), await all.choose("b", 1), await all.choose("c", 1)];
  expect(new Set(chosen).size).toBe(3);
});
