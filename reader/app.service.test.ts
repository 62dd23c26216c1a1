import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { pino } from "pino";
import { rawRequest } from "../e2e/support/raw-request";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { type OrderWriter, openOrderWriter } from "../e2e/support/write-orders";
import { createPrisma, type Prisma } from "../prisma/client";
import { layOut } from "../prisma/laid-order";
import { projectRoot } from "../runtime/project-root";
import { createApp, createRoutes } from "./app";
import { createAskForOrders } from "./ask-for-orders";
import { createFindOrder, type FoundOrder } from "./find-order";
import { createReaderMetrics } from "./metrics";
import { createOrderCache } from "./order-cache";
import { problemNames, problemType } from "./problem";
import type { RefreshState } from "./refresh";
import { type HttpServer, serve } from "./serve";

const log = pino({ level: "silent" });
/** Nobody listens on port 1, so this is a Postgres that is down. */
const NOWHERE = "postgres://orders_reader:r@127.0.0.1:1/orders";

let database: TestDatabase;
let writer: OrderWriter;
let prisma: Prisma;
let server: HttpServer;
let state: RefreshState = { kind: "live" };

function finder(client: Prisma, cache = createOrderCache(10_000_000)): (id: string) => Promise<FoundOrder> {
  return createFindOrder({ cache, ask: createAskForOrders(client), atOnce: 4 });
}

function start(findOrder: (id: string) => Promise<FoundOrder>): Promise<HttpServer> {
  const app = createApp({ findOrder, refreshState: () => state, metrics: createReaderMetrics(), log });
  return serve(app.callback(), { host: "127.0.0.1", port: 0 });
}

const get = (path: string, headers?: Record<string, string>) =>
  rawRequest(server.url, path, { headers: headers ?? {} });
const send = (method: string, path: string) => rawRequest(server.url, path, { method });

/** As published, with everything that must survive: odd white space, a last newline, an escape, another script. */
const ODD = '\r\n{ "order_uid":\t"odd", "ж": "\\u0436🛒", "n": 1817.0 }\n\n';
const ODD_ETAG = `"${createHash("sha256").update(ODD).digest("hex")}"`;

beforeAll(async () => {
  database = await createTestDatabase();
  writer = await openOrderWriter(database.ingestorUrl);
  prisma = createPrisma(database.readerUrl, { connections: 4, name: "test-lookup" });
  // Prisma builds its engine with the first question, and a look-up has a deadline.
  await prisma.order.count();
  server = await start(finder(prisma));
  await writer.write({ odd: ODD });
});
afterAll(async () => {
  await server.stop();
  await prisma.$disconnect();
  await writer.close();
  await database.drop();
});

describe("an order", () => {
  test("is answered with the published bytes, from Postgres and then from memory", async () => {
    for (const _ of ["postgres", "memory"]) {
      const { status, headers, text } = await get("/orders/odd");
      expect(status).toBe(200);
      expect(text).toBe(ODD);
      expect(headers).toMatchObject({
        "content-type": "application/json; charset=utf-8",
        "content-length": String(Buffer.byteLength(ODD)),
        "cache-control": "private, no-cache",
        etag: ODD_ETAG,
        "x-content-type-options": "nosniff",
      });
    }
  });

  test("answers HEAD with the same headers and no body", async () => {
    const [head, full] = [await send("HEAD", "/orders/odd"), await get("/orders/odd")];
    expect(head.body.length).toBe(0);
    expect({ ...head.headers, date: "" }).toEqual({ ...full.headers, date: "" });
  });

  test.each([ODD_ETAG, `W/${ODD_ETAG}`, `"other", ${ODD_ETAG}`, "*"])(
    "that the client has (%s) is 304",
    async (tag) => {
      const { status, headers, body } = await get("/orders/odd", { "If-None-Match": tag });
      expect([status, body.length, headers.etag, headers["content-type"]]).toEqual([304, 0, ODD_ETAG, undefined]);
    },
  );

  test("that the client has another version of is 200", async () => {
    expect((await get("/orders/odd", { "If-None-Match": '"other"' })).status).toBe(200);
  });

  test.each([
    "a/b",
    "a b",
    "заказ",
    "100%",
    "?#&=+",
    "..a",
    "%2F",
    "a\\b",
    "🛒".repeat(128),
    "'; DROP TABLE orders; --",
  ])("may have the id %j", async (id) => {
    await writer.write({ [id]: `{"id":${JSON.stringify(id)}}` });
    const { status, text } = await get(`/orders/${encodeURIComponent(id)}`);
    expect([status, text]).toEqual([200, `{"id":${JSON.stringify(id)}}`]);
  });

  test("that is not there is 404, until it is there", async () => {
    const { status, headers, text } = await get("/orders/later");
    expect(status).toBe(404);
    expect(headers).toMatchObject({ "content-type": "application/problem+json", "cache-control": "no-store" });
    expect(JSON.parse(text)).toMatchObject({ type: problemType("no-such-order"), status: 404 });
    await writer.write({ later: "{}" });
    expect((await get("/orders/later")).status).toBe(200);
  });

  test.each([
    "/orders/",
    "/orders/.",
    "/orders/..",
    "/orders/%00",
    "/orders/a%0Ab",
    `/orders/${"x".repeat(129)}`,
    "/orders/a/b",
  ])("cannot be at %s: 404", async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  test.each(["/orders/%E0%A4", "/orders/%", "/orders/%zz", "/%ff", "/orders/%ED%A0%80"])(
    "cannot be named by %s, which is not percent-encoded UTF-8: 400",
    async (path) => {
      const { status, text } = await get(path);
      expect(status).toBe(400);
      expect(JSON.parse(text).type).toBe(problemType("undecodable-path"));
    },
  );

  test("may be asked for by a whole URL", async () => {
    expect((await get("HTTP://orders.example:99/orders/odd?a")).text).toBe(ODD);
    expect((await get("http://orders.example")).headers["content-type"]).toMatch(/html/);
  });

  test.each(["http://[::1/", "http://a:99999/orders/odd", "ftp://a/orders/odd"])(
    "cannot be named by %s, which is neither a path nor a URL: 400, and it is said why",
    async (target) => {
      const { status, text } = await get(target);
      const { type, detail } = JSON.parse(text);
      expect([status, type, detail]).toEqual([
        ...[400, problemType("undecodable-path")],
        "The request's target has to be a path that begins with /, or a whole URL.",
      ]);
    },
  );

  test("is 503 when Postgres is down, never 404, and is still served from memory", async () => {
    const cache = createOrderCache(1_000_000);
    const broken = createPrisma(NOWHERE, { connections: 1, name: "test-nowhere" });
    const alone = await start(finder(broken, cache));
    cache.add(layOut({ id: "kept", document: Buffer.from("{}"), sha256: Buffer.alloc(32) }));
    const [kept, unknown, impossible] = await Promise.all(
      ["kept", "unknown", ".."].map((id) => rawRequest(alone.url, `/orders/${id}`)),
    );
    await alone.stop();
    await broken.$disconnect();
    expect([kept?.status, unknown?.status, impossible?.status]).toEqual([200, 503, 404]);
    expect(unknown?.headers).toMatchObject({ "retry-after": "2", "cache-control": "no-store" });
    expect(unknown?.text).toContain(problemType("unavailable"));
    expect(unknown?.text).not.toMatch(/127\.0\.0\.1|ECONN|prisma/i);
  });
});

describe("other requests", () => {
  test("with a method that an address does not take are 405 with the ones it does", async () => {
    for (const [method, path] of [
      ["POST", "/orders/odd"],
      ["DELETE", "/"],
      ["OPTIONS", "/healthz"],
      ["PROPFIND", "/orders/odd"],
    ] as const) {
      const { status, headers, text } = await send(method, path);
      expect([status, headers.allow, JSON.parse(text).type]).toEqual([
        405,
        "GET, HEAD",
        problemType("method-not-allowed"),
      ]);
    }
  });

  test("to unknown addresses are 404", async () => {
    for (const path of [
      "/nothing",
      "/Orders/odd",
      "/healthz/",
      "/page/",
      "/page/../app.ts",
      "//orders/odd",
      "/orders",
    ]) {
      const { status, headers, text } = await get(path);
      expect([path, status, headers["cache-control"]]).toEqual([path, 404, "no-store"]);
      expect(JSON.parse(text).type).toBe(problemType("no-such-page"));
    }
  });

  test("that meet a mistake in a handler are 500 without its details", async () => {
    const broken = await start(() => Promise.reject(new Error("secret")));
    const { status, headers, text } = await rawRequest(broken.url, "/orders/odd");
    await broken.stop();
    expect([status, headers["cache-control"], JSON.parse(text).type]).toEqual([
      500,
      "no-store",
      problemType("internal"),
    ]);
    expect(text).not.toContain("secret");
  });

  test("with too large a head are 431, and the server lives on", async () => {
    expect((await get("/orders/odd", { "X-Large": "x".repeat(20_000) })).status).toBe(431);
    expect((await get("/orders/odd")).status).toBe(200);
  });
});

describe("the reader tells", () => {
  test("that it is alive", async () => {
    expect(await get("/healthz")).toMatchObject({ status: 200, text: '{"status":"alive"}' });
  });

  test("whether it is ready, and why not", async () => {
    const answers: unknown[] = [];
    for (const one of [
      { kind: "loading" },
      { kind: "live" },
      { kind: "stale", since: new Date(0), because: "connection refused" },
    ] as const) {
      state = one;
      const { status, text } = await get("/readyz");
      answers.push([status, JSON.parse(text)]);
    }
    state = { kind: "live" };
    expect(answers).toEqual([
      [503, { status: "loading" }],
      [200, { status: "live" }],
      [503, { status: "stale", since: "1970-01-01T00:00:00.000Z", because: "connection refused" }],
    ]);
  });

  test("its metrics, with the route's pattern and never an id", async () => {
    await get("/orders/odd");
    const { status, headers, text } = await get("/metrics");
    expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(text).toMatch(
      /orders_reader_http_request_duration_seconds_count\{method="GET",route="\/orders\/:id",status="200"\} \d/,
    );
    expect(text).toMatch(/orders_reader_lookups_total\{outcome="memory"\} \d/);
    expect(text).not.toContain("/orders/odd");
  });

  test("its contract, in which every route and every problem stands", async () => {
    const { status, headers, text } = await get("/openapi.json");
    expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
    const contract = JSON.parse(text);
    const deps = { findOrder: finder(prisma), refreshState: () => state, metrics: createReaderMetrics(), log };
    const routed = createRoutes(deps).stack.map(({ path }) =>
      String(path)
        .replace(/:(\w+)/g, "{$1}")
        .replace(/^\/page\/.+/, "/page/{file}"),
    );
    expect(Object.keys(contract.paths).sort()).toEqual([...new Set(routed)].sort());
    expect(contract.components.schemas.Problem.properties.type.enum.sort()).toEqual(
      problemNames.map(problemType).sort(),
    );
  });
});

describe("the page", () => {
  test("comes with a policy that lets nothing in from elsewhere, and is asked about each time", async () => {
    const { status, headers, body } = await get("/");
    expect(status).toBe(200);
    expect(body).toEqual(readFileSync(join(projectRoot(), "reader/page/index.html")));
    expect(headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
    expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect((await get("/", { "If-None-Match": headers.etag ?? "" })).status).toBe(304);
  });

  test("has the id of a link written into it, as text, and a tag of its own", async () => {
    const address = `/?order=${encodeURIComponent('"><script>$&')}`;
    const { status, headers, text } = await get(address, { "Accept-Language": "ru" });
    expect([status, headers["cache-control"], headers.vary]).toEqual([200, "no-cache", "Accept-Language"]);
    expect(headers["content-security-policy"]).toContain("script-src 'self'");
    expect(text).toContain('content="0; url=/plain?order=%22%3E%3Cscript%3E%24%26"');
    expect(text).toContain("<bdi>&quot;&gt;&lt;script&gt;$&amp;</bdi>");
    expect(text).toContain('<html lang="ru">');
    const again = { "Accept-Language": "ru", "If-None-Match": headers.etag ?? "" };
    expect((await get(address, again)).status).toBe(304);
  });

  test("is sent gzipped to whoever takes that, all of its files in 40 KiB, with tags of their own", async () => {
    let sent = 0;
    for (const name of [...readdirSync(join(projectRoot(), "reader/page")), ""]) {
      if (name === "package.json" || name === "index.html") continue;
      const path = name === "" ? "/" : `/page/${name}`;
      const plain = await get(path);
      const gzipped = await get(path, { "Accept-Encoding": "br, gzip" });
      expect(gzipped.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
      expect(gunzipSync(gzipped.body)).toEqual(plain.body);
      expect(gzipped.headers.etag).not.toBe(plain.headers.etag);
      sent += gzipped.body.length;
    }
    expect(sent).toBeLessThan(40 * 1_024);
  });

  test.each(["en-!!!", "ru-RU_x", "x", "", "*"])(
    "is written without JavaScript for whoever says to speak %j",
    async (language) => {
      const { status, text } = await get("/plain?order=odd", { "Accept-Language": language });
      expect([status, text.includes('data-state="found"')]).toEqual([200, true]);
    },
  );

  test("has its policy on what a browser makes a document of, and on no other file of it", async () => {
    const paths = [
      "/",
      "/?order=odd",
      "/plain?order=odd",
      "/docs",
      "/page/icon.svg",
      "/page/page.js",
      "/page/page.css",
    ];
    const answers = await Promise.all(paths.map((path) => get(path)));
    const policies = answers.map(({ headers }) => String(headers["content-security-policy"]).slice(0, 18));
    expect(policies).toEqual([...Array.from({ length: 5 }, () => "default-src 'none'"), "undefined", "undefined"]);
    for (const { headers } of answers) expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  test("brings along every file that it names", async () => {
    const { text } = await get("/");
    const named = [...text.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(named.length).toBeGreaterThan(1);
    for (const path of named) expect([path, (await get(path)).status]).toEqual([path, 200]);
  });
});
