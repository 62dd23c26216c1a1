import Router from "@koa/router";
import Koa from "koa";
import type { Consumption } from "./consume";
import type { Failure } from "./failure";
import type { IngestorMetrics } from "./metrics";

/** Whether storing works: `since` and `code` are of the outage, if there is one. */
export class OutageState {
  #outage: { readonly since: Date; readonly code: string } | undefined;

  /** @param failure of the latest attempt; undefined once storing works again. Returns true when that is news. */
  report(failure: Failure | undefined): boolean {
    const isNews = (failure === undefined) !== (this.#outage === undefined);
    if (failure === undefined) this.#outage = undefined;
    else this.#outage ??= { since: new Date(), code: failure.code };
    return isNews;
  }

  get current(): { readonly since: Date; readonly code: string } | undefined {
    return this.#outage;
  }
}

export interface HealthDeps {
  /** Undefined until Kafka has been reached. */
  readonly consumption: () => Pick<Consumption, "assignment" | "secondsSinceAnswer"> | undefined;
  readonly outage: OutageState;
  readonly metrics: IngestorMetrics;
}

/** `/healthz`, `/readyz` and `/metrics` of the ingestor. Needs no port of its own. */
export function createHealthApp({ consumption, outage, metrics }: HealthDeps): Koa {
  const router = new Router();
  router.get("/healthz", (context) => {
    context.body = { status: "alive" };
  });
  router.get("/readyz", (context) => {
    const current = consumption();
    const waiting = findObstacle(current, outage);
    context.status = waiting ? 503 : 200;
    context.set("Cache-Control", "no-store");
    context.body = waiting
      ? { status: "waiting", reason: waiting }
      : { status: "ready", partitions: describe(current) };
  });
  router.get("/metrics", async (context) => {
    metrics.outage.set(outage.current ? 1 : 0);
    context.type = metrics.registry.contentType;
    context.body = await metrics.registry.metrics();
  });
  const app = new Koa();
  app.use(router.routes()).use(router.allowedMethods());
  return app;
}

type CurrentConsumption = ReturnType<HealthDeps["consumption"]>;

/** Several heartbeats that have not been answered. */
const KAFKA_SILENCE_SECONDS = 10;

function findObstacle(consumption: CurrentConsumption, outage: OutageState): string | undefined {
  const { current } = outage;
  if (current) return `nothing can be stored since ${current.since.toISOString()}: ${current.code}`;
  if (!consumption) return "Kafka has not been reached yet";
  const silence = consumption.secondsSinceAnswer();
  if (silence > KAFKA_SILENCE_SECONDS) return `Kafka has not answered for ${Math.round(silence)} s`;
  return consumption.assignment.isPositioned() ? undefined : "the positions are being read";
}

function describe(consumption: CurrentConsumption): Record<string, string> {
  const open = consumption?.assignment.all() ?? [];
  return Object.fromEntries(open.map(({ partition, nextOffset }) => [partition, nextOffset.toString()]));
}
