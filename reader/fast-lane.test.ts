import { createHash } from "node:crypto";
import type { RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { layOut } from "../prisma/laid-order";
import { createApp } from "./app";
import { createFastLane } from "./fast-lane";
import { createFindOrder } from "./find-order";
import { createReaderMetrics } from "./metrics";
import { createOrderCache } from "./order-cache";
import { type HttpServer, serve } from "./serve";

const documents: Readonly<Record<string, string>> = {
  plain: '\r\n{ "order_uid":\t"plain", "ж": "\\u0436🛒" }\n\n',
  empty: "",
  large: "ж".repeat(300_000),
  "16k": "x".repeat(16_384),
  "16k+1": "x".repeat(16_385),
  "!$&'()*+,;=:@-._~": "{}",
  '"<>[]^`{|}': "{}",
  "a\\b": "{}",
  "...": "{}",
  "a/b": "{}",
  "a b": "{}",
  "a%20b": "{}",
  "?#": "{}",
  заказ: "{}",
  é: "{}",
  "e\u0301": "{}",
  "x;y=1": "{}",
  __proto__: "{}",
  constructor: "{}",
};
const etagOf = (id: string) =>
  `"${createHash("sha256")
    .update(documents[id] ?? "")
    .digest("hex")}"`;

/** The reader's HTTP interface with and without the lane, both over the same orders, with metrics of their own. */
async function startReader({ hasLane }: { hasLane: boolean }) {
  const cache = createOrderCache(10_000_000);
  // As they are read at start, and as they come later: their memory is of two kinds.
  const keep = hasLane ? cache.addOlder : cache.add;
  for (const [id, text] of Object.entries(documents)) {
    const document = Buffer.from(text);
    keep(layOut({ id, document, sha256: createHash("sha256").update(document).digest() }));
  }
  const metrics = createReaderMetrics();
  const findOrder = createFindOrder({
    cache,
    ask: { alone: async () => undefined, together: async () => new Map() },
    atOnce: 4,
  });
  const log = pino({ level: "silent" });
  const app = createApp({ findOrder, refreshState: () => ({ kind: "live" }), metrics, log }).callback();
  let passedOn = 0;
  const otherwise: typeof app = (request, response) => {
    passedOn += 1;
    return app(request, response);
  };
  const listener = hasLane ? createFastLane({ cache, metrics, otherwise }) : app;
  let madeHeads = 0;
  const counting: RequestListener = (request, response) => {
    const { writeHead } = response;
    response.writeHead = (...args: unknown[]) => {
      madeHeads += 1;
      return Reflect.apply(writeHead, response, args);
    };
    void listener(request, response);
  };
  const server = await serve(counting, { host: "127.0.0.1", port: 0 });
  return { server, metrics, passedOn: () => passedOn, madeHeads: () => madeHeads };
}

type Reader = Awaited<ReturnType<typeof startReader>>;
let koa: Reader;
let lane: Reader;
beforeEach(async () => {
  koa = await startReader({ hasLane: false });
  lane = await startReader({ hasLane: true });
});
afterEach(() => Promise.all([koa.server.stop(), lane.server.stop()]));

/** All bytes that come back until the server closes, as Latin-1, with the clock taken out. */
function exchange({ url }: HttpServer, sent: string, send = sendAtOnce): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname).setNoDelay();
    let received = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received.replace(/^Date: .*$/gm, "Date:")));
    void send(socket, sent);
  });
}

async function sendAtOnce(socket: Socket, sent: string): Promise<void> {
  socket.write(sent, "latin1");
}

/** Nothing is read before everything has been sent, each request by itself. */
async function sendWithoutReading(socket: Socket, sent: string): Promise<void> {
  socket.pause();
  for (const request of sent.split(/(?<=\r\n\r\n)/)) {
    socket.write(request, "latin1");
    await nextTurn();
  }
  socket.resume();
}

/** The client's half of the connection is closed as soon as everything has been sent. */
async function sendAndEnd(socket: Socket, sent: string): Promise<void> {
  socket.end(sent, "latin1");
}

async function expectSame(sent: string, send = sendAtOnce): Promise<string> {
  const [expected, actual] = await Promise.all([koa, lane].map(({ server }) => exchange(server, sent, send)));
  expect([sent, actual]).toEqual([sent, expected]);
  return actual ?? "";
}

const CLOSE = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const ids = [...Object.keys(documents), "unknown", ".", "..", "%", "%zz", "%E0%A4", "x".repeat(129), ""];
const targets = [
  ...ids.filter((id) => /^[\x21-\xff]*$/.test(id)).map((id) => `/orders/${id}`),
  ...ids.filter((id) => id !== "").map((id) => `/orders/${encodeURIComponent(id)}`),
  ...["/orders/pl%61in", "/orders/plain?", "/orders/plain?a=b", "/orders/plain#a", "/orders/plain/", "/orders/a/b"],
  ...["//orders/plain", "/orders//plain", "/ORDERS/plain", "/orders", "/", "*", "http://x/orders/plain"],
  ...["/orders/./plain", "/orders/../orders/plain", "/orders/plain;a=b", "/orders/plai\xf1", "/orders/\xc3\xa9"],
];

describe("the lane answers as the application does", () => {
  test.each(["GET", "HEAD", "POST", "OPTIONS"])("%s of any address", async (method) => {
    for (const target of targets) await expectSame(`${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n${CLOSE}`);
  });

  test("whatever the client has already", async () => {
    const tag = etagOf("plain");
    const bare = tag.slice(1, -1);
    for (const value of [
      ...[tag, `W/${tag}`, "*", " * ", `"other", ${tag}`, `"other",W/${tag}`, '"other"', "", bare, `w/${tag}`],
      ...[`${tag}x`, `"${bare.toUpperCase()}"`, ",,,", `*, ${tag}`, `${tag}\r\nIf-None-Match: "b"`],
      `"b"\r\nif-none-match: ${tag}`,
    ]) {
      for (const method of ["GET", "HEAD"]) {
        await expectSame(`${method} /orders/plain HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${value}\r\n\r\n${CLOSE}`);
      }
    }
  });

  test("with any other header, version and body", async () => {
    for (const head of [
      ...["HTTP/1.0", "HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /orders/plain HTTP/1.0"],
      ...["HTTP/1.1\r\nConnection: close", "HTTP/1.1", "HTTP/1.1\r\nHost: x\r\nConnection: close"],
      ...[
        "Connection: close, x",
        "Connection: close, Upgrade\r\nUpgrade: h2c",
        "Accept: text/html",
        "Accept-Encoding: gzip",
      ],
      ...[
        "Range: bytes=0-1",
        "If-Match: *",
        "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
        "Expect: 100-continue",
      ],
      ...["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n0", "X-HTTP-Method-Override: DELETE"],
    ].map((each) => (each.startsWith("HTTP/") ? each : `HTTP/1.1\r\nHost: x\r\n${each}`))) {
      // A request after one that ends the connection is an error, which may come before the answer to the first.
      const isLast = /close|HTTP\/1\.0/.test(head);
      for (const method of ["GET", "HEAD"]) {
        await expectSame(`${method} /orders/plain ${head}\r\n\r\n${isLast ? "" : CLOSE}`);
      }
    }
  });

  test("one request after the other on a connection, whoever answers each", async () => {
    const order = ["plain", "unknown", "large", "a%2Fb", "16k+1", "empty", "plain", "%"];
    const answers = await expectSame(
      order.map((id) => `GET /orders/${id} HTTP/1.1\r\nHost: x\r\n\r\n`).join("") + CLOSE,
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toHaveLength(order.length + 1);
    expect(answers).toContain(Buffer.from(documents["large"] ?? "").toString("latin1"));
  });

  test("to a client that does not read what it has asked for until it has asked for everything", async () => {
    const sent = `GET /orders/16k HTTP/1.1\r\nHost: x\r\n\r\nGET /orders/plain HTTP/1.1\r\nHost: x\r\n\r\n`;
    // 8 MB, more than the sockets between them hold.
    const answers = await expectSame(sent.repeat(500) + CLOSE, sendWithoutReading);
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1_001);
  });

  test("to a client that has closed its half of the connection", async () => {
    for (const id of ["plain", "large", "unknown"]) {
      const answer = await expectSame(`GET /orders/${id} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2), sendAndEnd);
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(2);
    }
  });
});

describe("the lane", () => {
  test("has Node make two heads in a second, one for all small orders and one for all that clients have already", async () => {
    const startedAt = Date.now();
    for (let n = 0; n < 60; n++) {
      const id = ["plain", "16k"][n % 2] ?? "";
      for (const tag of ['""', etagOf(id)]) {
        const answer = await fetch(`${lane.server.url}/orders/${id}`, { headers: { "If-None-Match": tag } });
        expect([answer.status, await answer.text()]).toEqual(tag === '""' ? [200, documents[id]] : [304, ""]);
      }
    }
    const seconds = Math.floor(Date.now() / 1_000) - Math.floor(startedAt / 1_000) + 1;
    expect(lane.madeHeads()).toBeLessThanOrEqual(2 * seconds);
  });

  test("survives clients that go before they are answered", async () => {
    const { hostname, port } = new URL(lane.server.url);
    for (let client = 0; client < 50; client++) {
      const socket = connect(Number(port), hostname, () => {
        socket.write("GET /orders/16k HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1 + (client % 4)));
        setImmediate(() => (client % 2 ? socket.resetAndDestroy() : socket.destroy()));
      });
      await new Promise((resolve) => socket.on("close", resolve));
    }
    await expectSame(`GET /orders/plain HTTP/1.1\r\nHost: x\r\n\r\n${CLOSE}`);
  });

  test("answers plain ids that are in memory, and nothing else", async () => {
    for (const method of ["GET", "HEAD"]) {
      await exchange(lane.server, `${method} /orders/plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    }
    expect(lane.passedOn()).toBe(0);
    for (const request of ["GET /orders/unknown", "GET /orders/pl%61in", "GET /orders/plain?a", "POST /orders/plain"]) {
      await exchange(lane.server, `${request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    }
    expect(lane.passedOn()).toBe(4);
  });

  test("counts as the application does", async () => {
    for (const head of ["GET /orders/plain", "HEAD /orders/plain", "GET /orders/unknown", "PUT /orders/plain"]) {
      await expectSame(`${head} HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etagOf("empty")}\r\n\r\n${CLOSE}`);
      await expectSame(`${head} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n${CLOSE}`);
    }
    const [expected, actual] = await Promise.all([koa, lane].map(countsOf));
    expect(actual).toEqual(expected);
    expect(actual).toContain('orders_reader_lookups_total{outcome="memory"} 4');
    expect(actual?.filter((line) => line.includes('route="/orders/:id"')).length).toBeGreaterThan(4);
  });
});

async function countsOf({ metrics }: Reader): Promise<string[]> {
  const lines = (await metrics.expose()).split("\n");
  return lines.filter((line) => /^orders_reader_(lookups_total|http_request_duration_seconds_count)/.test(line)).sort();
}
