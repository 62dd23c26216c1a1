import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { createPrisma, type Prisma } from "../prisma/client";
import { projectRoot } from "../runtime/project-root";
import { createApp } from "./app";
import { createReaderMetrics } from "./metrics";
import { createRecentOrders, type RecentOrder, type RecentOrders } from "./recent-orders";
import { type HttpServer, serve } from "./serve";
import { createRecentStream, type RecentStream } from "./stream-recent";

const SAMPLE = JSON.parse(readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8"));
const log = pino({ level: "silent" });
const order = (id: string) => ({ [id]: JSON.stringify({ ...SAMPLE, order_uid: id }) });

let database: TestDatabase;
let writer: OrderWriter;
let prisma: Prisma;
let recent: RecentOrders;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = createPrisma(database.readerUrl, { connections: 2, name: "test-recent" });
});
beforeEach(async () => {
  writer = await openOrderWriter(database.ingestorUrl);
  recent = createRecentOrders(prisma, log);
});
afterEach(async () => {
  recent.stop();
  await writer.close();
});
afterAll(async () => {
  await prisma?.$disconnect();
  await database?.drop();
});

/** Watches and collects what is told. */
function collect(after?: number): { readonly told: RecentOrder[]; readonly leave: () => void } {
  const told: RecentOrder[] = [];
  const leave = recent.watch((orders) => told.push(...orders), after);
  return { told, leave };
}

describe("recent orders", () => {
  test("are told as they arrive, with sum and currency and nothing about a person", async () => {
    await writer.write(order("before"));
    const { told } = collect();
    await waitUntil("what was there is told", () => told.some(({ id }) => id === "before"));
    await writer.write(order("arriving"));
    recent.wake();
    const arrived = await waitUntil("it is told", () => told.find(({ id }) => id === "arriving"));
    expect(arrived).toEqual({
      id: "arriving",
      amount: "1817",
      currency: "USD",
      sequence: expect.any(Number),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(told.find(({ id }) => id === "before")?.at).toBeUndefined();
  });

  test("are told without a hint, too", async () => {
    const { told } = collect();
    await writer.write(order("no hint"));
    await waitUntil("it is told", () => told.some(({ id }) => id === "no hint"));
  });

  test("of a burst are the newest", async () => {
    await writer.write(order("first"));
    const { told } = collect();
    await waitUntil("it watches", () => told.some(({ id }) => id === "first"));
    await writer.write(Object.assign({}, ...Array.from({ length: 100 }, (_, index) => order(`burst ${index}`))));
    recent.wake();
    await waitUntil("the newest is told", () => told.some(({ id }) => id === "burst 99"));
    const burst = told.map(({ id }) => id).filter((id) => id.startsWith("burst"));
    expect(burst).toEqual(Array.from({ length: 10 }, (_, index) => `burst ${90 + index}`));
  });

  // Fails when partition after partition is told: the last ten are then all of one.
  test("in three partitions are the newest of each, the newest last", async () => {
    for (const partition of [0, 1, 2]) {
      const burst = Array.from({ length: 20 }, (_, index) => order(`${partition}-${index}`));
      await writer.write(Object.assign({}, ...burst), { partition });
    }
    const { told } = collect();
    await waitUntil("they are told", () => told.length > 0);
    const ranks = [17, 18, 19].flatMap((rank) => [0, 1, 2].map((partition) => `${partition}-${rank}`));
    expect(told.map(({ id }) => id)).toEqual(["2-16", ...ranks]);
  });

  test("that a watcher has are not told again when it comes back", async () => {
    const stays = collect();
    const goes = collect();
    await writer.write(order("seen"));
    await waitUntil("it is told", () => goes.told.some(({ id }) => id === "seen"));
    goes.leave();
    const last = goes.told.at(-1)?.sequence ?? 0;
    await writer.write(order("missed"));
    await waitUntil("the other is told", () => stays.told.some(({ id }) => id === "missed"));
    expect(collect(last).told.map(({ id }) => id)).toEqual(["missed"]);
  });

  test("are not asked for while nobody watches", async () => {
    const events: string[] = [];
    const lines = new Writable({
      write(chunk: Buffer, _, done) {
        events.push(JSON.parse(chunk.toString()).event);
        done();
      },
    });
    // Nobody listens on port 1, so that every question is heard of.
    const broken = createPrisma("postgres://orders_reader:r@127.0.0.1:1/orders", { connections: 1, name: "nowhere" });
    const alone = createRecentOrders(broken, pino({ level: "debug" }, lines));
    alone.wake();
    const leave = alone.watch(() => {});
    await waitUntil("a question is heard of", () => events.includes("reader.recent-failed"));
    expect(events).toHaveLength(1);
    leave();
    alone.wake();
    alone.stop();
    await broken.$disconnect();
  });
});

describe("the stream of recent orders", () => {
  let server: HttpServer;
  let stream: RecentStream;

  async function open(source: RecentOrders | undefined): Promise<void> {
    if (source) stream = createRecentStream(source);
    const app = createApp({
      findOrder: async () => ({ kind: "not-found" }),
      refreshState: () => ({ kind: "live" }),
      recent: source && stream,
      metrics: createReaderMetrics(),
      log,
    });
    server = await serve(app.callback(), { host: "127.0.0.1", port: 0 });
  }
  afterEach(async () => {
    stream?.stop();
    await server.stop();
  });

  test("is of server-sent events, and ends when the reader stops", async () => {
    await writer.write(order("earlier"));
    await open(recent);
    const answer = await fetch(`${server.url}/recent`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    let text = "";
    let isWritten = false;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk);
      if (text.includes("streamed")) stream.stop();
      // What the first look finds has not arrived while somebody watched.
      if (isWritten || !text.includes("earlier")) continue;
      isWritten = true;
      await writer.write(order("streamed"));
      recent.wake();
    }
    expect(text).toMatch(
      /id: \d+\nevent: order\ndata: \{"id":"streamed","amount":"1817","currency":"USD","at":"[^"]+"\}/,
    );
  });

  test("goes on after the event that the browser names itself, whatever the address said when it first came", async () => {
    await writer.write(order("one"));
    await open(recent);
    const { told, leave } = collect();
    const one = await waitUntil("it is told", () => told.find(({ id }) => id === "one"));
    await writer.write(order("two"));
    recent.wake();
    await waitUntil("the other is told", () => told.some(({ id }) => id === "two"));
    const ask = async (after: number, header?: number): Promise<string> => {
      const headers: Record<string, string> = header === undefined ? {} : { "Last-Event-ID": String(header) };
      const abort = new AbortController();
      const { body } = await fetch(`${server.url}/recent?after=${after}`, { headers, signal: abort.signal });
      const first = await body?.getReader().read();
      abort.abort();
      return new TextDecoder().decode(first?.value);
    };
    const [all, named, addressed] = await Promise.all([ask(0), ask(0, one.sequence), ask(one.sequence)]);
    expect(all).toContain('"id":"one"');
    for (const rest of [named, addressed])
      expect(rest).toMatch(/^id: \d+\nevent: order\ndata: \{"id":"two",[^\n]*\n\n$/);
    leave();
  });

  test("is not there where it is switched off", async () => {
    await open(undefined);
    expect((await fetch(`${server.url}/recent`)).status).toBe(404);
  });

  test("cuts a client off that does not read, and forgets it", async () => {
    let isLeft = false;
    let tell: (orders: readonly RecentOrder[]) => void = () => {};
    await open({
      wake: () => {},
      watch: (told) => {
        tell = told;
        return () => {
          isLeft = true;
        };
      },
      stop: () => {},
    });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write("GET /recent HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.pause();
    socket.on("error", () => {});
    const many = Array.from({ length: 1_000 }, (_, sequence) => ({
      sequence,
      id: "x".repeat(100),
      at: undefined,
      amount: "1",
      currency: "USD",
    }));
    await waitUntil("the client is cut off", () => {
      tell(many);
      return isLeft;
    });
    socket.destroy();
  });

  test("is refused to more than two hundred at once, who may come again", async () => {
    await open(recent);
    const abort = new AbortController();
    const ask = () => fetch(`${server.url}/recent`, { signal: abort.signal });
    for (const { status } of await Promise.all(Array.from({ length: 200 }, ask))) expect(status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "10"]);
    abort.abort();
    await waitUntil("there is room again", async () => {
      const again = new AbortController();
      const { status } = await fetch(`${server.url}/recent`, { signal: again.signal });
      again.abort();
      return status === 200;
    });
  });
});
