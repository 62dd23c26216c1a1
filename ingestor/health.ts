import Router from "@koa/router";
import Koa from "koa";
import type { Consumption } from "./consume";
import type { Failure } from "./failure";
import type { IngestorMetrics } from "./metrics";
import { KAFKA_SILENCE_SECONDS } from "./watch-silence";

/** What the ingestor cannot store orders without; the last only where records are judged apart. */
export type Part = "PostgreSQL" | "Kafka" | "the judging process";
/** Told of every failed attempt to use a part, and with undefined once it works again. */
export type ReportOutage = (part: Part, failure: Failure | undefined) => void;

/** Which parts are out of reach, since when, and what they said last. */
export class OutageState {
  readonly #outages = new Map<Part, { readonly since: Date; readonly code: string }>();

  /** Returns true when that is news. */
  report(part: Part, failure: Failure | undefined): boolean {
    const known = this.#outages.get(part);
    if (failure === undefined) return this.#outages.delete(part);
    this.#outages.set(part, { since: known?.since ?? new Date(), code: failure.code });
    return known === undefined;
  }

  /** In words; undefined when every part works. */
  describe(): string | undefined {
    const lines = [...this.#outages].map(([part, { since, code }]) => `${part} (${code}) since ${since.toISOString()}`);
    return lines.length > 0 ? `nothing can be stored without ${lines.join(" and ")}` : undefined;
  }
}

export interface HealthDeps {
  /** Undefined until Kafka has been reached. */
  readonly consumption: () => Pick<Consumption, "assignment" | "secondsSinceAnswer" | "describeStandstill"> | undefined;
  readonly outage: OutageState;
  /** Why dead letters wait, if they do. Orders are stored all the same, so it makes nothing unready. */
  readonly deliveryProblem: () => string | undefined;
  readonly metrics: IngestorMetrics;
}

/** `/healthz`, `/readyz` and `/metrics` of the ingestor. Needs no port of its own. */
export function createHealthApp({ consumption, outage, deliveryProblem, metrics }: HealthDeps): Koa {
  const router = new Router();
  router.get("/healthz", (context) => {
    context.body = { status: "alive" };
  });
  router.get("/readyz", (context) => {
    const current = consumption();
    const waiting = findObstacle(current, outage);
    context.status = waiting ? 503 : 200;
    context.set("Cache-Control", "no-store");
    context.body = {
      ...(waiting ? { status: "waiting", reason: waiting } : { status: "ready", partitions: describe(current) }),
      deadLetters: deliveryProblem() ?? "delivered",
    };
  });
  router.get("/metrics", async (context) => {
    metrics.outage.set(outage.describe() ? 1 : 0);
    context.type = metrics.registry.contentType;
    context.body = await metrics.expose();
  });
  const app = new Koa();
  app.use(router.routes()).use(router.allowedMethods());
  return app;
}

type CurrentConsumption = ReturnType<HealthDeps["consumption"]>;

function findObstacle(consumption: CurrentConsumption, outage: OutageState): string | undefined {
  const missing = outage.describe();
  if (missing) return missing;
  if (!consumption) return "Kafka has not been reached yet";
  const silence = consumption.secondsSinceAnswer();
  if (silence > KAFKA_SILENCE_SECONDS) return `Kafka has not answered for ${Math.round(silence)} s`;
  return consumption.assignment.isPositioned() ? consumption.describeStandstill() : "the positions are being read";
}

function describe(consumption: CurrentConsumption): Record<string, string> {
  const open = consumption?.assignment.all() ?? [];
  return Object.fromEntries(open.map(({ partition, nextOffset }) => [partition, nextOffset.toString()]));
}
