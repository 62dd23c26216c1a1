import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import Router from "@koa/router";
import Koa from "koa";

/**
 * What the reader is measured against: servers on Node that do less. The first argument says which one, the second
 * names the file with the orders, a line each: the id, a tab, the document.
 *
 * - `fixed`: the same twelve bytes for everything, which is what node:http costs by itself
 * - `order`: node:http with one order and the reader's headers, the least that it costs to answer as the reader does
 * - `map`: node:http with a Map of Buffers
 * - `koa`: Koa with its router, and one Buffer
 */
const [, , kind, file = ""] = process.argv;

function readDocuments(): Map<string, Buffer> {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return new Map(
    lines.map((line) => line.split("\t") as [string, string]).map(([id, text]) => [id, Buffer.from(text)]),
  );
}

/** What reader/fast-lane.ts sends. */
function headersOf(document: Buffer) {
  return {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",
    ETag: `"${"0".repeat(64)}"`,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": document.length,
  };
}

function listenerOf(): RequestListener {
  if (kind === "fixed") return (_, response) => response.end("Hello world\n");
  const documents = readDocuments();
  if (kind === "map") {
    return (request, response) => {
      const document = documents.get(request.url?.slice("/orders/".length) ?? "");
      response.writeHead(document ? 200 : 404, { "Content-Type": "application/json; charset=utf-8" }).end(document);
    };
  }
  const [document = Buffer.alloc(0)] = documents.values();
  if (kind === "order") return (_, response) => void response.writeHead(200, headersOf(document)).end(document);
  const router = new Router();
  router.get("/orders/:id", (ctx) => {
    ctx.set("Content-Type", "application/json; charset=utf-8");
    ctx.body = document;
  });
  return new Koa().use(router.routes()).callback();
}

const server = createServer(listenerOf()).listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
