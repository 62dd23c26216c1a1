import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { exposeWithProcess } from "../runtime/process-metrics";
import { rejectReasons } from "./judge";
import type { OutboxDepth } from "./outbox";

/** A frozen PostgreSQL must not hold up the scrape, whose other values tell that it is frozen. */
const DEPTH_WITHIN_MS = 1_000;

/** What becomes of a record that was ingested. */
export const outcomes = ["stored", "duplicate", "dead"] as const;
export type Outcome = (typeof outcomes)[number];

/** What the ingestor counts, for Prometheus. Counters of records are by partition; the exact ones are in positions. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ["partition"] as const;
  const deadLetters = new Counter({
    name: "orders_ingestor_dead_letters_total",
    help: "Dead letters, by their reason and by what became of their delivery.",
    labelNames: ["reason", "outcome"] as const,
    registers,
  });
  // Shown as 0 from the start: in a series that begins with a burst, rate() sees none of it.
  for (const reason of rejectReasons)
    for (const outcome of ["delivered", "refused"]) deadLetters.inc({ reason, outcome }, 0);
  return {
    registry,
    expose: exposeWithProcess(registry),
    records: new Counter({
      name: "orders_ingestor_records_total",
      help: "Records ingested, by what became of them.",
      labelNames: ["partition", "outcome"] as const,
      registers,
    }),
    batchSeconds: new Histogram({
      name: "orders_ingestor_batch_duration_seconds",
      help: "From a judged batch to its commit, attempts and waiting included.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    batchRecords: new Histogram({
      name: "orders_ingestor_batch_records",
      help: "Records of a batch that was committed.",
      buckets: [1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000],
      registers,
    }),
    lag: new Gauge({
      name: "orders_ingestor_lag_records",
      help: "Offsets between what is ingested and the end of the log.",
      labelNames,
      registers,
    }),
    gap: new Counter({
      name: "orders_ingestor_gap_offsets_total",
      help: "Offsets that Kafka had deleted before they were ingested; anything but 0 is a loss.",
      labelNames,
      registers,
    }),
    outage: new Gauge({
      name: "orders_ingestor_outage",
      help: "1 while a batch waits because a part is down.",
      registers,
    }),
    deadLetters,
    deliveryFailures: new Counter({
      name: "orders_ingestor_delivery_failures_total",
      help: "Attempts to send dead letters, one or many at once, that Kafka did not take.",
      registers,
    }),
    /** Shows how many dead letters wait; asked with each scrape, and nothing (NaN) if that is not answered. */
    watchOutbox(readDepth: () => Promise<OutboxDepth>): void {
      const ask = shared(() => withDeadline(readDepth(), DEPTH_WITHIN_MS));
      const gauge = (name: string, help: string, value: (depth: OutboxDepth) => number): void => {
        new Gauge({
          name: `orders_ingestor_outbox_${name}`,
          help,
          registers,
          async collect() {
            this.set(await ask().then(value, () => Number.NaN));
          },
        });
      };
      gauge("waiting_rows", "Dead letters that are not in the dead-letter topic yet.", ({ waiting }) => waiting);
      gauge("refused_rows", "Dead letters that cannot be sent; they stay in the outbox.", ({ refused }) => refused);
      gauge(
        "oldest_age_seconds",
        "Age of the dead letter that waits longest; 0 if none does.",
        (each) => each.oldestSeconds,
      );
    },
  };
}

export type IngestorMetrics = ReturnType<typeof createMetrics>;

/** Asks once for all who ask before the answer is there. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}

function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(deadline));
  });
}
