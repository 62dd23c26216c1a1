import type { Context } from "koa";
import { matchesEntityTag } from "./entity-tag";
import type { FoundOrder } from "./find-order";
import { answerProblem } from "./problem";

/** After so many seconds it is worth asking again; an outage is noticed to be over within two. */
export const RETRY_AFTER_SECONDS = 2;

/** The route of one order: the published bytes, which are neither parsed nor written anew. */
export function getOrder(findOrder: (id: string) => Promise<FoundOrder>): (ctx: Context, id: string) => Promise<void> {
  return async (ctx, id) => {
    const found = await findOrder(id);
    switch (found.kind) {
      case "found": {
        const { body, etag } = found.order;
        ctx.set("Cache-Control", "private, no-cache");
        ctx.set("ETag", etag);
        if (matchesEntityTag(ctx.headers["if-none-match"], etag)) {
          ctx.status = 304;
          return;
        }
        ctx.set("Content-Type", "application/json; charset=utf-8");
        ctx.body = body;
        return;
      }
      case "not-found":
        answerProblem(ctx, "no-such-order");
        return;
      case "unavailable":
        ctx.set("Retry-After", String(RETRY_AFTER_SECONDS));
        answerProblem(ctx, "unavailable", "The order is not in memory, and PostgreSQL cannot be asked at the moment.");
    }
  };
}
