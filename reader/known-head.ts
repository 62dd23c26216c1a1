import type { ServerResponse } from "node:http";
import type { ReadyOrder } from "./order-cache";

/**
 * The head of an answer as Node itself writes it, kept for the answers after it: to check eight headers and put them
 * together costs node:http more than everything else about an order that is in memory.
 *
 * - `unknown`: at the start, and whenever `Date` would tell another second. The answer is then made by `writeHead`, and
 *   `learn` cuts its head at the two places where orders differ. → `known`
 * - `known`: for the rest of that second `of` gives the head of any order. → `unknown`
 *
 * Which headers there are and what Node adds to them is not known here. What is: Node keeps a head's text in `_header`.
 * Where it does not, nothing is ever learned, and every answer is made by `writeHead`.
 */
export interface KnownHead {
  of(order: ReadyOrder): string | undefined;
  /** @param response of this order, with its head made */
  learn(response: ServerResponse, order: ReadyOrder): void;
}

/** What `sendWhole` sets besides: that a head is there, so that no other is made, and that it is sent already. */
interface Internals {
  _header: unknown;
  _headerSent: boolean;
}

/** @param now the clock, in milliseconds */
export function createKnownHead(now: () => number = Date.now): KnownHead {
  const second = (): number => Math.floor(now() / 1_000);
  let learnedIn = -1;
  let parts: readonly [string, string, string] | undefined;
  return {
    of({ etag, body }) {
      if (!parts || second() !== learnedIn) return undefined;
      return parts[0] + etag + parts[1] + body.length + parts[2];
    },
    learn(response, { etag, body }) {
      learnedIn = second();
      const [start, afterTag] = cut((response as unknown as Internals)._header, "\r\nETag: ", etag);
      const [middle, end] = cut(afterTag, "\r\nContent-Length: ", String(body.length));
      parts = start !== undefined && middle !== undefined && end !== undefined ? [start, middle, end] : undefined;
    },
  };
}

/** Sends an answer whose head is known, in one piece, and lets Node end it as any other. Its socket must be its own. */
export function sendWhole(response: ServerResponse, head: string, body: Buffer): void {
  const internals = response as unknown as Internals;
  internals._header = head;
  internals._headerSent = true;
  // Text of Latin-1 is the same bytes, and Node sends it without an object for each piece.
  response.socket?.write(head + body.toString("latin1"), "latin1");
  response.end();
}

/** A text before a header's value, with its name, and after the value; nothing if it is no text or has no such header. */
function cut(text: unknown, name: string, value: string): [string, string] | [] {
  if (typeof text !== "string") return [];
  const at = text.indexOf(`${name}${value}\r\n`) + name.length;
  return at < name.length ? [] : [text.slice(0, at), text.slice(at + value.length)];
}
