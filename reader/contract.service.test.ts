import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { orderWithId } from "../e2e/support/judged-records";
import { rawRequest } from "../e2e/support/raw-request";
import { type RunningReader, runReader } from "../e2e/support/run-reader";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { waitUntil } from "../e2e/support/wait-until";
import { openOrderWriter } from "../e2e/support/write-orders";
import { openConnection } from "../prisma/open-connection";
import { projectRoot } from "../runtime/project-root";

// openapi.json against running readers: every status of every route is brought about, and its answer is held against
// what the contract says of it. Only 500 cannot be had from outside; app.service.test.ts has it.

interface Told {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
const contract = JSON.parse(readFileSync(join(projectRoot(), "reader/openapi.json"), "utf8")) as {
  readonly paths: Readonly<
    Record<string, Readonly<Record<"get", { readonly responses: Readonly<Record<string, Told>> }>>>
  >;
  readonly components: object;
};
const judge = new Ajv2020({ strict: false, validateFormats: false });
judge.addSchema({ $id: "contract", components: contract.components });

const databases: TestDatabase[] = [];
const readers: RunningReader[] = [];
let well: RunningReader;
let cutOff: RunningReader;
let unwatched: RunningReader;

const database = async (): Promise<TestDatabase> => {
  const made = await createTestDatabase();
  databases.push(made);
  return made;
};
const reader = async (url: string, env: Record<string, string> = {}): Promise<RunningReader> => {
  const running = await runReader({ DATABASE_URL: url, ...env });
  readers.push(running);
  return running;
};

beforeAll(async () => {
  const [one, other] = await Promise.all([database(), database()]);
  [well, cutOff, unwatched] = await Promise.all([
    reader(one.readerUrl),
    reader(other.readerUrl),
    reader(one.readerUrl, { READER_RECENT: "off" }),
  ]);
  const writer = await openOrderWriter(one.ingestorUrl);
  await writer.write({ known: orderWithId("known").toString() });
  await writer.close();
  const owner = await openConnection(other.ownerUrl, { name: "test", answerWithinMs: 30_000 });
  await owner.ask("REVOKE SELECT ON orders, positions FROM orders_reader");
  await owner.close();
  await waitUntil("an order is there", async () => (await fetch(`${well.url}/orders/known`)).ok);
  await waitUntil("the other reader is not ready", async () => (await fetch(`${cutOff.url}/readyz`)).status === 503);
});

afterAll(async () => {
  await Promise.all(readers.map((each) => each.stop()));
  await Promise.all(databases.map((each) => each.drop()));
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The route's address with what stands for its parameter. */
const addressOf = (route: string, status: string): string => {
  if (route === "/orders/{id}")
    return status === "400" ? "/orders/%zz" : `/orders/${status === "404" ? "nobody" : "known"}`;
  if (route === "/page/{file}") return status === "404" ? "/page/nothing.js" : "/page/page.js";
  if (route !== "/plain") return route;
  return (
    { "400": "/plain?order=..", "404": "/plain?order=nobody", "503": "/plain?order=known" }[status] ??
    "/plain?order=known"
  );
};

/** Brings about this status of this route. */
async function provoke(route: string, status: string): Promise<Answer> {
  const path = addressOf(route, status);
  if (status === "405") return rawRequest(well.url, path, { method: "POST" });
  if (status === "304") {
    const { headers } = await rawRequest(well.url, path);
    return rawRequest(well.url, path, { headers: { "if-none-match": headers.etag ?? "" } });
  }
  if (route === "/recent" && status === "404") return rawRequest(unwatched.url, path);
  if (route === "/recent" && status !== "405") return watch(status === "503" ? 201 : 1);
  return rawRequest(status === "503" ? cutOff.url : well.url, path);
}

/** So many watch at once; the answer to the one who came last. */
async function watch(count: number): Promise<Answer> {
  const watching = new AbortController();
  const ask = (): Promise<globalThis.Response> => fetch(`${well.url}/recent`, { signal: watching.signal });
  await Promise.all(Array.from({ length: count - 1 }, ask));
  const last = await ask();
  const text = last.status === 200 ? "" : await last.text();
  watching.abort();
  return { status: last.status, headers: Object.fromEntries(last.headers), text };
}

const all = Object.entries(contract.paths).flatMap(([route, { get }]) =>
  Object.entries(get.responses)
    .filter(([status]) => status !== "500")
    .map(([status, told]) => [route, status, told] as const),
);

test.each(all)("GET %s answers %s as the contract says", async (route, status, told) => {
  const answer = await provoke(route, status);
  expect(String(answer.status)).toBe(status);
  const type = String(answer.headers["content-type"] ?? "").split(";")[0] ?? "";
  expect(told.content ? Object.keys(told.content) : [""]).toContain(type);
  for (const header of Object.keys(told.headers ?? {}))
    expect(Object.keys(answer.headers)).toContain(header.toLowerCase());
  const schema = told.content?.[type]?.schema;
  if (!schema) return;
  const value: unknown = type.endsWith("json") ? JSON.parse(answer.text) : answer.text;
  const isValid = judge.compile(inContract(schema));
  expect({ valid: isValid(value), errors: isValid.errors }).toEqual({ valid: true, errors: null });
});

test("an event of /recent is a RecentOrder as the contract has it", async () => {
  const watching = new AbortController();
  const { body } = await fetch(`${well.url}/recent`, { signal: watching.signal });
  let text = "";
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.includes("\n\n")) break;
  }
  watching.abort();
  const [, data = ""] = /^id: \d+\nevent: order\ndata: (.+)\n\n/.exec(text) ?? [];
  const isValid = judge.compile(inContract({ $ref: "#/components/schemas/RecentOrder" }));
  expect({ valid: isValid(JSON.parse(data)), errors: isValid.errors }).toEqual({ valid: true, errors: null });
});

/** A schema of the contract, its references made to point into the contract. */
function inContract(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/'));
}

test("every file of the page is of a type that the contract names", async () => {
  const types = Object.keys(contract.paths["/page/{file}"]?.get.responses["200"]?.content ?? {});
  const files = readdirSync(join(projectRoot(), "reader/page")).filter(
    (name) => !/^(index\.html|package\.json)$/.test(name),
  );
  const sent = await Promise.all(files.map((name) => rawRequest(well.url, `/page/${name}`)));
  const named = sent.map(({ headers }) => headers["content-type"]?.split(";")[0]);
  expect([...new Set(named)].toSorted()).toEqual(types.toSorted());
});

test("GET is answered like HEAD, but for the body", async () => {
  for (const route of Object.keys(contract.paths).filter((each) => each !== "/recent" && each !== "/metrics")) {
    const get = await rawRequest(well.url, addressOf(route, "200"));
    const head = await rawRequest(well.url, addressOf(route, "200"), { method: "HEAD" });
    expect({ route, ...head, body: null, text: "" }).toEqual({
      ...{ route, status: get.status, headers: { ...get.headers, date: head.headers.date } },
      ...{ body: null, text: "" },
    });
  }
});

test("the contract as a page has every route, status and schema, and nothing that runs", async () => {
  const { text, headers } = await rawRequest(well.url, "/docs");
  expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
  expect(text).not.toMatch(/<script|style=|\son[a-z]+=|https?:/);
  for (const [route, status] of all) {
    const [, view = ""] = text.split(`<code>GET ${route}</code>`);
    expect(view.split("<section>")[0]).toContain(`<td>${status}</td>`);
  }
  for (const name of ["Order", "RecentOrder", "Problem", "Readiness"]) expect(text).toContain(`<h3>${name}</h3>`);
});
