import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesNaming } from "../e2e/support/processes-naming";
import { testAddress } from "../e2e/support/test-address";
import { waitUntil } from "../e2e/support/wait-until";
import { createKafka, kafkaSettings } from "../runtime/kafka/client";
import { readSettings } from "../runtime/settings";
import { ask, type Ended, startTool } from "./audit/test-support";
import { createToolLog } from "./tool-log";

// Ctrl-C of the tools, as npm passes it on: twice. Of publish and replay-dlq in the middle of their work, and of chaos,
// their own tests tell. Fails when a tool does not listen to the signal, or ends at the second half of one key press.

const home = mkdtempSync(join(tmpdir(), "orders-interrupted-"));
let silent: Server;
beforeAll(async () => {
  // Whoever waits for this one waits until he is stopped.
  silent = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
  await once(silent, "listening");
});
afterAll(() => {
  silent.close();
  rmSync(home, { recursive: true });
});

interface Waiting {
  readonly args: readonly string[];
  readonly code: number;
  readonly words: string;
  /** Of standard output. */
  readonly result?: RegExp;
}

const waiting: Readonly<Record<string, Waiting>> = {
  audit: { args: [], code: 130, words: "stopped: nothing was changed; the same command begins anew\n" },
  dlq: { args: ["list"], code: 130, words: "stopped: nothing was changed; the same command begins anew\n" },
  doctor: { args: ["--json"], code: 130, words: "stopped: nothing was changed; the same command begins anew\n" },
  publish: {
    args: ["--generate", "1000"],
    code: 1,
    words: "stopped before the end\nnot acknowledged: 1,000 records, #0 to #999\n",
    result: /^0 of 1,000 records acknowledged by all replicas in .* s \(0\/s\)\n$/,
  },
  "replay-dlq": {
    args: ["--go"],
    code: 1,
    words: "stopped before anything was sent: the same command goes on from here\n",
  },
};

it.each(Object.entries(waiting))(
  "%s, waiting for an answer, ends at Ctrl-C and says how things are",
  async (name, wish) => {
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const env = {
      KAFKA_BROKERS: address,
      DATABASE_URL: `postgresql://owner@${address}/orders`,
      INGESTOR_URL: `http://${address}`,
    };
    const asked = once(silent, "connection");
    const { child, ended } = startTool(name, wish.args, env);
    await asked;
    const { code, stdout, stderr } = await stopped(child, ended);
    expect({ code, stdout, stderr }).toEqual({
      code: wish.code,
      stdout: expect.stringMatching(wish.result ?? /^$/),
      stderr: expect.stringContaining(wish.words),
    });
    expect(stderr).not.toMatch(/^ {4}at |Error\b|cannot reach/m);
  },
);

it("bench leaves no database, no topic and no process behind", async () => {
  const env = { KAFKA_BROKERS: testAddress("TEST_KAFKA_BROKERS"), DATABASE_URL: testAddress("TEST_DATABASE_URL") };
  const kafka = createKafka(readSettings(kafkaSettings, env), createToolLog("bench-test"), "bench-test");
  const admin = kafka.admin();
  await admin.connect();
  const { child, ended } = startTool("bench", ["ingest", "--rounds", "1", "--orders", "100000"], env);
  const database = `orders_bench_${child.pid}_1`;
  const topicsOf = async () =>
    (await admin.listTopics()).filter((name) => name.startsWith(`orders-bench-${child.pid}-`));
  await waitUntil("it has made a topic", async () => (await topicsOf()).length === 2);
  const { code, stderr } = await stopped(child, ended);
  expect({ code, stderr }).toEqual({
    code: 130,
    stderr: expect.stringContaining("stopped: what was measured is not kept"),
  });
  expect(stderr).not.toMatch(/still there|^ {4}at /m);
  expect(await ask(testAddress("TEST_DATABASE_URL"), `SELECT FROM pg_database WHERE datname = '${database}'`)).toEqual(
    [],
  );
  await waitUntil("its topics are gone", async () => (await topicsOf()).length === 0);
  await waitUntil("its processes are gone", () => processesNaming(`orders-bench-${child.pid}-`).length === 0);
  await admin.disconnect();
});

it("reset finishes what it has begun to forget", async () => {
  const data = join(home, "postgres/data");
  mkdirSync(data, { recursive: true });
  for (let file = 0; file < 20_000; file++) writeFileSync(join(data, `${file}`), "");
  const { child, ended } = startTool("reset", ["--yes"], { ORDERS_HOME: home });
  await waitUntil("the first file is gone", () => !existsSync(data) || readdirSync(data).length < 20_000, {
    everyMs: 1,
  });
  const { code, stderr } = await stopped(child, ended);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("is as new") });
  expect(existsSync(join(home, "postgres"))).toBe(false);
});

/** @returns how it ended, within seconds of the Ctrl-C */
async function stopped(child: ReturnType<typeof startTool>["child"], ended: Promise<Ended>): Promise<Ended> {
  child.kill("SIGINT");
  child.kill("SIGINT");
  return waitUntil("it has ended", async () => Promise.race([ended, undefined]), { limitMs: 30_000 });
}
