import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { rawRequest } from "../e2e/support/raw-request";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { numberedOrders, type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { projectRoot } from "../runtime/project-root";

let database: TestDatabase;
let writer: OrderWriter;
const children = new Set<ChildProcess>();

interface Reader {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number | null>;
}

function startReader(env: Record<string, string>): Reader {
  const child = spawn(process.execPath, [join(projectRoot(), "dist/reader/main.js")], {
    env: { PATH: process.env["PATH"], LOG_FORMAT: "json", READER_PORT: "0", READER_POLL_MS: "50", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  return { process: child, output: () => output, exitCode: once(child, "close").then(([code]) => code) };
}

async function urlOf(reader: Reader): Promise<string> {
  return waitUntil("the reader listens", () => /"url":"([^"]+)"/.exec(reader.output())?.[1]);
}

beforeAll(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await writer.close();
  await database.drop();
});

describe("the reader's process", () => {
  test("becomes ready, serves what is stored before and after, and ends with 0 on SIGTERM", async () => {
    await writer.write(numberedOrders("before", 0, 3));
    const reader = startReader({ DATABASE_URL: database.readerUrl });
    const url = await urlOf(reader);
    await waitUntil("it is ready", async () => (await fetch(`${url}/readyz`)).ok);
    await writer.write(numberedOrders("after", 0, 3));
    for (const id of ["before0", "after2"]) expect(await (await fetch(`${url}/orders/${id}`)).text()).toContain(id);
    expect((await rawRequest(url, "http://[::1/")).status).toBe(400);
    reader.process.kill("SIGTERM");
    expect(await reader.exitCode).toBe(0);
    // Node warns of what its old parser cannot read (DEP0170).
    expect(reader.output()).not.toContain("Warning");
  });

  test("starts without Postgres, is not ready, and knows nothing rather than that there is nothing", async () => {
    const reader = startReader({ DATABASE_URL: "postgres://orders_reader:r@127.0.0.1:1/orders" });
    const url = await urlOf(reader);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/orders/any`)).status).toBe(503);
    reader.process.kill("SIGTERM");
    expect(await reader.exitCode).toBe(0);
    expect(reader.output()).not.toContain("orders_reader:r");
  });

  test("ends with 1 and a sentence when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const reader = startReader({ DATABASE_URL: database.readerUrl, READER_PORT: String(port) });
    expect(await reader.exitCode).toBe(1);
    expect(reader.output()).toContain(`cannot listen on 127.0.0.1:${port}: somebody else does`);
    other.close();
  });

  test("ends with 2 and every problem when its settings cannot be used", async () => {
    const reader = startReader({ READER_PORT: "http", READER_CACHE_MIB: "0" });
    expect(await reader.exitCode).toBe(2);
    for (const name of ["DATABASE_URL", "READER_PORT", "READER_CACHE_MIB"]) expect(reader.output()).toContain(name);
  });
});
