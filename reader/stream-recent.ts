import { PassThrough } from "node:stream";
import type { Context } from "koa";
import { answerProblem } from "./problem";
import type { RecentOrder, RecentOrders } from "./recent-orders";

/** Each holds a socket; a page that is not looked at gives its own up. */
const MOST_WATCHERS = 200;
/** A client that does not read is cut off here; it may come back and go on where it was. */
const MOST_UNREAD_BYTES = 64 * 1_024;
/** Below the minute after which load balancers drop what is silent. */
const SIGN_OF_LIFE_MS = 15_000;
const RETRY_AFTER_SECONDS = 10;

export interface RecentStream {
  /** Answers with server-sent events, an `order` each, as long as the client listens. */
  answer(ctx: Context): void;
  /** Says goodbye to everybody. */
  stop(): void;
}

/** The route of orders as they arrive. */
export function createRecentStream(recent: RecentOrders): RecentStream {
  const streams = new Set<PassThrough>();
  return {
    answer: (ctx) => {
      if (streams.size >= MOST_WATCHERS) {
        ctx.set("Retry-After", String(RETRY_AFTER_SECONDS));
        answerProblem(ctx, "too-many-watchers");
        return;
      }
      const events = openStream(recent, lastSeen(ctx));
      streams.add(events);
      events.once("close", () => streams.delete(events));
      ctx.set("Cache-Control", "no-store");
      ctx.type = "text/event-stream; charset=utf-8";
      ctx.body = events;
      ctx.flushHeaders();
    },
    stop: () => {
      for (const events of streams) events.end();
    },
  };
}

function openStream(recent: RecentOrders, after: number): PassThrough {
  const events = new PassThrough();
  const send = (text: string): void => {
    if (events.writableLength > MOST_UNREAD_BYTES) events.destroy();
    else if (events.writable) events.write(text);
  };
  const signOfLife = setInterval(() => send(":\n\n"), SIGN_OF_LIFE_MS);
  const leave = recent.watch((orders) => send(orders.map(encodeEvent).join("")), after);
  events.once("close", () => {
    clearInterval(signOfLife);
    leave();
  });
  return events;
}

function encodeEvent({ sequence, ...order }: RecentOrder): string {
  return `id: ${sequence}\nevent: order\ndata: ${JSON.stringify(order)}\n\n`;
}

/** A browser names the last event when it connects again; a page that was hidden meanwhile says it in the address. */
function lastSeen(ctx: Context): number {
  const text = ctx.get("Last-Event-ID") || String(ctx.query["after"] ?? "");
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
