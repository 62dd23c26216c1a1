import type { RequestListener, ServerResponse } from "node:http";
import { matchesEntityTag } from "./entity-tag";
import { createKnownHead, sendWhole } from "./known-head";
import type { ReaderMetrics } from "./metrics";
import type { OrderCache, ReadyOrder } from "./order-cache";

/**
 * A lane in front of the application for the request that nearly all requests are: GET or HEAD of an order that is in
 * memory. It answers it as the application's route does, header for header and byte for byte, which a test compares.
 *
 * All that it is allowed to know: that such an order is 200 with these headers, or 304 if the client has it. Whatever
 * else comes (another address, an id that is written with `%`, a query, an order that is not in memory) goes to the
 * application, which is complete without this lane.
 */
export interface FastLaneOptions {
  readonly cache: Pick<OrderCache, "find">;
  readonly metrics: Pick<ReaderMetrics, "observeRequest" | "observeLookup">;
  readonly otherwise: RequestListener;
}

const PREFIX = "/orders/";
const ROUTE = "/orders/:id";
/** Up to here a body is sent in one piece with its head, which is quicker; above, copying it would be slower. */
const MOST_COPIED_BYTES = 16_384;

export function createFastLane({ cache, metrics, otherwise }: FastLaneOptions): RequestListener {
  const orderHead = createKnownHead(["ETag", "Content-Length"]);
  const notModifiedHead = createKnownHead(["ETag"]);

  const sendSmall = (response: ServerResponse, order: ReadyOrder): void => {
    const length = String(order.body.length);
    const head = orderHead.of(order.etag, length);
    if (head !== undefined) {
      sendWhole(response, head, order.body);
      return;
    }
    writeHead(response, order);
    orderHead.learn(response, order.etag, length);
    response.end(order.body);
  };

  const sendNotModified = (response: ServerResponse, etag: string): void => {
    const head = notModifiedHead.of(etag);
    if (head !== undefined) {
      sendWhole(response, head);
      return;
    }
    writeNotModifiedHead(response, etag);
    notModifiedHead.learn(response, etag);
    response.end();
  };

  return function answerOrPassOn(request, response) {
    const { method = "", url = "" } = request;
    const isAsked = (method === "GET" || method === "HEAD") && isPlainOrderPath(url);
    const order = isAsked ? cache.find(url.slice(PREFIX.length)) : undefined;
    if (!order) {
      otherwise(request, response);
      return;
    }
    const startedAt = performance.now();
    const { body, etag } = order;
    const isKnown = matchesEntityTag(request.headers["if-none-match"], etag);
    const isQuick = isNextAndNotLast(response);
    if (isKnown && isQuick) sendNotModified(response, etag);
    else if (isKnown) writeNotModifiedHead(response, etag).end();
    else if (method === "HEAD") writeHead(response, order).end();
    else if (isQuick && body.length <= MOST_COPIED_BYTES) sendSmall(response, order);
    else writeHead(response, order).end(body);
    metrics.observeLookup("memory");
    metrics.observeRequest(method, ROUTE, isKnown ? 304 : 200, (performance.now() - startedAt) / 1_000);
  };
}

/**
 * Whether a request's target is `/orders/` and an id that stands there as it is: visible ASCII without the characters
 * that mean something in a URL.
 */
function isPlainOrderPath(url: string): boolean {
  if (url.length <= PREFIX.length || !url.startsWith(PREFIX)) return false;
  for (let at = PREFIX.length; at < url.length; at++) {
    const code = url.charCodeAt(at);
    const isPlain = code > 0x20 && code < 0x7f && code !== 0x25 && code !== 0x23 && code !== 0x2f && code !== 0x3f;
    // % # / ? in this order, and the backslash, which some take for a slash.
    if (!isPlain || code === 0x5c) return false;
  }
  return true;
}

/** Whether nothing else is to be sent on its connection before this answer, and the connection is kept after it. */
function isNextAndNotLast({ socket, shouldKeepAlive }: ServerResponse): boolean {
  return shouldKeepAlive && socket?.writable === true;
}

function writeHead(response: ServerResponse, { body, etag }: ReadyOrder): ServerResponse {
  return response.writeHead(200, {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",
    ETag: etag,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": body.length,
  });
}

function writeNotModifiedHead(response: ServerResponse, etag: string): ServerResponse {
  // Written out a second time: an object that is put together from another one costs 10 µs more a request.
  return response.writeHead(304, {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",
    ETag: etag,
  });
}
