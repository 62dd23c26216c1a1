import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the ingestor counts, for Prometheus. Counters of records are by partition; the exact ones are in positions. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ["partition"] as const;
  return {
    registry,
    records: new Counter({
      name: "orders_ingestor_records_total",
      help: "Records ingested, by what became of them",
      labelNames: ["partition", "outcome"] as const,
      registers,
    }),
    batchSeconds: new Histogram({
      name: "orders_ingestor_batch_seconds",
      help: "Time from judging a batch to its commit",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    lag: new Gauge({
      name: "orders_ingestor_lag_records",
      help: "Offsets between the last fetch and the end of the log",
      labelNames,
      registers,
    }),
    gap: new Counter({
      name: "orders_ingestor_gap_total",
      help: "Offsets that Kafka had deleted before they were ingested; anything but 0 is a loss",
      labelNames,
      registers,
    }),
    outage: new Gauge({
      name: "orders_ingestor_outage",
      help: "1 while a batch waits because a part is down",
      registers,
    }),
    deadLetters: new Counter({
      name: "orders_ingestor_dead_letters_total",
      help: "Dead letters, by what became of their delivery",
      labelNames: ["outcome"] as const,
      registers,
    }),
  };
}

export type IngestorMetrics = ReturnType<typeof createMetrics>;
