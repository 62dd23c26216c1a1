import type { ServerResponse } from "node:http";

/**
 * The head of an answer as Node itself writes it, kept for the answers after it: to check eight headers and put them
 * together costs node:http more than everything else about an order that is in memory.
 *
 * - `unknown`: at the start, and whenever `Date` would tell another second. The answer is then made by `writeHead`, and
 *   `learn` cuts its head at the places where answers differ. → `known`
 * - `known`: for the rest of that second `of` gives the head of any such answer. → `unknown`
 *
 * Which headers there are and what Node adds to them is not known here. What is: Node keeps a head's text in `_header`.
 * Where it does not, nothing is ever learned, and every answer is made by `writeHead`.
 */
export interface KnownHead {
  /** @param values of the headers in which answers differ, in their order */
  of(...values: readonly string[]): string | undefined;
  /** @param response with its head made, of these values */
  learn(response: ServerResponse, ...values: readonly string[]): void;
}

/** What `sendWhole` sets besides: that a head is there, so that no other is made, and that it is sent already. */
interface Internals {
  _header: unknown;
  _headerSent: boolean;
}

/**
 * @param differing names of the headers in which answers differ, in the order in which they are sent
 * @param now the clock, in milliseconds
 */
export function createKnownHead(differing: readonly string[], now: () => number = Date.now): KnownHead {
  const second = (): number => Math.floor(now() / 1_000);
  let learnedIn = -1;
  let parts: readonly string[] | undefined;
  return {
    of(...values) {
      if (!parts || second() !== learnedIn) return undefined;
      let head = parts[0] as string;
      for (let at = 0; at < values.length; at++) head += (values[at] as string) + (parts[at + 1] as string);
      return head;
    },
    learn(response, ...values) {
      learnedIn = second();
      parts = cut((response as unknown as Internals)._header, differing, values);
    },
  };
}

/** Sends an answer whose head is known, in one piece, and lets Node end it as any other. Its socket must be its own. */
export function sendWhole(response: ServerResponse, head: string, body?: Buffer): void {
  const internals = response as unknown as Internals;
  internals._header = head;
  internals._headerSent = true;
  // Text of Latin-1 is the same bytes, and Node sends it without an object for each piece.
  response.socket?.write(body === undefined ? head : head + body.toString("latin1"), "latin1");
  response.end();
}

/** A head's text between the values of these headers; nothing if it is no text or lacks one of them. */
function cut(head: unknown, names: readonly string[], values: readonly string[]): readonly string[] | undefined {
  if (typeof head !== "string") return undefined;
  const parts: string[] = [];
  let rest = head;
  for (const [nth, name] of names.entries()) {
    const line = `\r\n${name}: ${values[nth]}`;
    const at = rest.indexOf(`${line}\r\n`);
    if (at < 0) return undefined;
    parts.push(rest.slice(0, at + name.length + 4));
    rest = rest.slice(at + line.length);
  }
  return [...parts, rest];
}
