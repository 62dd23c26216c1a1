import type { Context } from "koa";
import type { RefreshState } from "./refresh";

/** Alive: the process answers. Nothing else is asked, so that a restart is not the answer to somebody else's outage. */
export function answerAlive(ctx: Context): void {
  ctx.set("Cache-Control", "no-store");
  ctx.body = { status: "alive" };
}

/**
 * Ready: loaded and fresh. 503 says why not; orders in memory are served all the same, so whoever has no better reader
 * goes on asking this one.
 */
export function answerReady(ctx: Context, state: RefreshState): void {
  ctx.set("Cache-Control", "no-store");
  ctx.status = state.kind === "live" ? 200 : 503;
  ctx.body = { status: state.kind, ...("since" in state && { since: state.since }), ...reasonOf(state) };
}

function reasonOf(state: RefreshState): { because?: string } {
  return "because" in state && state.because !== undefined ? { because: state.because } : {};
}
