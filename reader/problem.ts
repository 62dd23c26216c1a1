import type { Context } from "koa";

/**
 * What goes wrong, as RFC 9457 has it. The `type` is the problem's stable name: programs compare it, so a name is never
 * changed. A test holds them against the contract, openapi.json.
 */
const PROBLEMS = {
  "undecodable-path": { status: 400, title: "The address cannot be decoded" },
  "no-such-order": { status: 404, title: "There is no order with this id" },
  "no-such-page": { status: 404, title: "There is nothing at this address" },
  "method-not-allowed": { status: 405, title: "This address does not take this method" },
  internal: { status: 500, title: "The reader has made a mistake" },
  "too-many-watchers": { status: 503, title: "Too many watch the orders arrive already" },
  unavailable: { status: 503, title: "It cannot be known now whether there is such an order" },
} as const;

export type ProblemName = keyof typeof PROBLEMS;

/** The `type` of a problem. */
export function problemType(name: ProblemName): string {
  return `urn:orders:problem:${name}`;
}

export const problemNames = Object.keys(PROBLEMS) as readonly ProblemName[];

/** Answers with a problem, and with no caching of it: the next answer may be another one. */
export function answerProblem(ctx: Context, name: ProblemName, detail?: string): void {
  const { status, title } = PROBLEMS[name];
  ctx.status = status;
  ctx.set("Cache-Control", "no-store");
  ctx.remove("ETag");
  ctx.body = `${JSON.stringify({ type: problemType(name), title, status, detail })}\n`;
  ctx.type = "application/problem+json";
}
