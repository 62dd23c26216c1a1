import { join } from "node:path";
import Router from "@koa/router";
import Koa, { type Context } from "koa";
import type { Log } from "../runtime/log";
import { projectRoot } from "../runtime/project-root";
import { writeContractPage } from "./contract-page";
import type { FoundOrder } from "./find-order";
import { getOrder } from "./get-order";
import { answerAlive, answerReady } from "./health";
import { linkedPage } from "./linked-page";
import { PAGE_FOLDER } from "./load-page-module";
import type { ReaderMetrics } from "./metrics";
import { askedFor } from "./page-template";
import { plainPage } from "./plain-page";
import { answerProblem } from "./problem";
import type { RefreshState } from "./refresh";
import { pathOfTarget } from "./request-path";
import { answerStaticFile, makeStaticFile, readStaticFile, readStaticFiles } from "./static-files";
import type { RecentStream } from "./stream-recent";

export interface AppDeps {
  readonly findOrder: (id: string) => Promise<FoundOrder>;
  readonly refreshState: () => RefreshState;
  /** Left out where orders are not to be watched as they arrive. */
  readonly recent?: RecentStream | undefined;
  readonly metrics: Pick<ReaderMetrics, "contentType" | "expose" | "observeRequest" | "observeLookup">;
  readonly log: Log;
}

/** For HTML alone: of the page's two dozen other files a browser makes no document, and each would carry it. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** For everything that is not the page: even if a browser showed it as one, nothing in it could do anything. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** The reader's HTTP interface, without a port: every route, and what they have in common. */
export function createApp(deps: AppDeps): Koa {
  const app = new Koa();
  app.on("error", (error: unknown) => {
    // What happens after the handlers: mostly clients that went away while they were being answered.
    deps.log.debug({ event: "reader.response-failed", err: error }, "an answer did not reach its client");
  });
  app.use(measure(deps));
  app.use(secure);
  app.use(catchMistakes(deps.log));
  app.use(refuseUndecodablePaths);
  app.use(createRoutes(deps).routes());
  app.use(answerUnrouted);
  return app;
}

/** The routes by themselves, so that a test can hold them against the contract. */
export function createRoutes({ findOrder, refreshState, recent, metrics }: AppDeps): Router {
  const router = new Router({ strict: true, sensitive: true });
  const findAndCount = async (id: string): Promise<FoundOrder> => {
    const found = await findOrder(id);
    metrics.observeLookup(found.kind === "found" ? found.from : found.kind);
    return found;
  };
  const answerOrder = getOrder(findAndCount);
  // The path's own text is decoded here and once: the router would leave what it cannot decode as it is.
  router.get("/orders/:id", (ctx) => answerOrder(ctx, decodeURIComponent(ctx.path.slice("/orders/".length))));
  router.get("/recent", (ctx) => (recent ? recent.answer(ctx) : answerProblem(ctx, "no-such-page")));
  router.get("/healthz", answerAlive);
  router.get("/readyz", (ctx) => answerReady(ctx, refreshState()));
  router.get("/metrics", async (ctx) => {
    ctx.set("Cache-Control", "no-store");
    ctx.set("Content-Type", metrics.contentType);
    ctx.body = await metrics.expose();
  });
  const contract = readStaticFile(join(projectRoot(), "reader"), "openapi.json");
  router.get("/openapi.json", (ctx) => answerStaticFile(ctx, contract));
  const contractPage = makeStaticFile(
    "docs.html",
    Buffer.from(writeContractPage(JSON.parse(`${contract.plain.body}`))),
  );
  router.get("/docs", (ctx) => {
    ctx.set("Content-Security-Policy", PAGE_POLICY);
    answerStaticFile(ctx, contractPage);
  });
  const answerLinkedPage = linkedPage();
  for (const file of readStaticFiles(PAGE_FOLDER)) {
    const isPage = file.name === "index.html";
    router.get(isPage ? "/" : `/page/${file.name}`, (ctx) => {
      if (isPage) ctx.set("Content-Security-Policy", PAGE_POLICY);
      else if (!file.type.startsWith("image/")) ctx.remove("Content-Security-Policy");
      if (isPage && askedFor(ctx) !== "") return answerLinkedPage(ctx);
      answerStaticFile(ctx, file);
    });
  }
  const answerPlainPage = plainPage(findAndCount);
  router.get("/plain", (ctx) => {
    ctx.set("Content-Security-Policy", PAGE_POLICY);
    return answerPlainPage(ctx);
  });
  return router;
}

function measure({ metrics }: AppDeps): Koa.Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    ctx.res.once("close", () => {
      const route = typeof ctx._matchedRoute === "string" ? ctx._matchedRoute : "none";
      // It lasts as long as somebody watches, which is no measure of the reader.
      if (route === "/recent") return;
      metrics.observeRequest(ctx.method, route, ctx.status, (performance.now() - startedAt) / 1_000);
    });
    await next();
  };
}

const secure: Koa.Middleware = async (ctx, next) => {
  ctx.set("X-Content-Type-Options", "nosniff");
  ctx.set("Referrer-Policy", "no-referrer");
  ctx.set("Cross-Origin-Resource-Policy", "same-origin");
  ctx.set("Content-Security-Policy", DATA_POLICY);
  await next();
};

function catchMistakes(log: Log): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      log.error(
        { event: "reader.request-failed", err: error, route: ctx._matchedRoute },
        "a request could not be answered",
      );
      answerProblem(ctx, "internal");
    }
  };
}

const refuseUndecodablePaths: Koa.Middleware = async (ctx, next) => {
  const path = pathOfTarget(ctx.url);
  if (path === undefined) {
    answerProblem(ctx, "undecodable-path", "The request's target has to be a path that begins with /, or a whole URL.");
    return;
  }
  ctx.url = path;
  try {
    decodeURIComponent(ctx.path);
  } catch {
    answerProblem(
      ctx,
      "undecodable-path",
      "A % has to be followed by two hexadecimal digits, and all of it has to be UTF-8.",
    );
    return;
  }
  await next();
};

/** What no route has answered: another method of an address that exists, or an address that does not. */
function answerUnrouted(ctx: Context): void {
  const methods = new Set((ctx.matched ?? []).flatMap(({ methods }: { methods: readonly string[] }) => methods));
  if (methods.size === 0) {
    answerProblem(ctx, "no-such-page");
    return;
  }
  ctx.set("Allow", [...methods].sort().join(", "));
  answerProblem(ctx, "method-not-allowed");
}
