import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { exposeWithProcess } from "../runtime/process-metrics";
import type { OrderCache } from "./order-cache";
import type { Refresh } from "./refresh";
import { createRequestHistogram } from "./request-histogram";

export interface ReaderMetrics {
  readonly contentType: string;
  /** Everything in Prometheus's text form. */
  expose(): Promise<string>;
  /** @param route the route's pattern, never the path: labels must stay few */
  observeRequest(method: string, route: string, status: number, seconds: number): void;
  observeLookup(outcome: "memory" | "postgres" | "not-found" | "unavailable"): void;
  observeFreshness(seconds: number): void;
  /** Shows the loop and the cache; called once, when both are there. */
  watch(cache: OrderCache, refresh: Refresh, isListening: () => boolean): void;
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function createReaderMetrics(): ReaderMetrics {
  const registry = new Registry();
  const registers = [registry];
  const exposeAll = exposeWithProcess(registry);
  const requests = createRequestHistogram(
    "orders_reader_http_request_duration_seconds",
    "Requests by route and status, from the first header read to the last byte handed to the socket.",
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  /** Mostly the next request has the same labels; putting them together costs more than counting it. */
  let last = { method: "", route: "", status: 0, labels: "" };
  /** Since the last look: adding one to a Counter costs a microsecond, which every request would pay. */
  const untold = { memory: 0, postgres: 0, "not-found": 0, unavailable: 0 };
  new Counter({
    name: "orders_reader_lookups_total",
    help: "Orders looked for, by where they were found or why not.",
    labelNames: ["outcome"] as const,
    registers,
    collect() {
      for (const outcome of Object.keys(untold) as (keyof typeof untold)[]) {
        if (untold[outcome] > 0) this.inc({ outcome }, untold[outcome]);
        untold[outcome] = 0;
      }
    },
  });
  const freshness = new Histogram({
    name: "orders_reader_freshness_seconds",
    help: "From a position's move in PostgreSQL to its orders being readable here, a value a partition and round.",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 1, 2, 5, 10, 60],
    registers,
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `orders_reader_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  let loaded = (): number => 0;
  new Counter({
    name: "orders_reader_loaded_orders_total",
    help: "Orders read by the loop since the start.",
    registers,
    collect() {
      this.reset();
      this.inc(loaded());
    },
  });
  return {
    contentType: registry.contentType,
    expose: async () => `${await exposeAll()}\n${requests.expose()}`,
    observeRequest(method, route, status, seconds) {
      if (method !== last.method || route !== last.route || status !== last.status) {
        const shown = METHODS.has(method) ? method : "other";
        last = { method, route, status, labels: `method="${shown}",route="${route}",status="${status}"` };
      }
      requests.observe(last.labels, seconds);
    },
    observeLookup: (outcome) => {
      untold[outcome] += 1;
    },
    observeFreshness: (seconds) => freshness.observe(seconds),
    watch(cache, refresh, isListening) {
      gauge("cache_orders", "Orders in memory.", () => cache.size);
      gauge("cache_bytes", "Bytes that the orders in memory take, overhead included.", () => cache.bytes);
      gauge("cache_limit_bytes", "Bytes that the orders in memory may take.", () => cache.limitBytes);
      loaded = () => refresh.loadedOrders();
      gauge("behind_records", "Offsets between the loop's cursor and the positions that it read last.", () =>
        refresh.behind(),
      );
      gauge(
        "level_age_seconds",
        "Seconds since the reader was last seen to be level with PostgreSQL; -1 before that.",
        () => refresh.secondsSinceLevel() ?? -1,
      );
      gauge("live", "1 while the reader is loaded and fresh.", () => Number(refresh.state().kind === "live"));
      gauge("listening", "1 while notices can be heard.", () => Number(isListening()));
    },
  };
}
