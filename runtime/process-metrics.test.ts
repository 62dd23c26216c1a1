import { Gauge, Registry } from "prom-client";
import { exposeWithProcess } from "./process-metrics";

test("a process's own metrics are collected from the first time on that somebody asks", async () => {
  const registry = new Registry();
  new Gauge({ name: "ours", help: "One of ours.", registers: [registry] });
  const expose = exposeWithProcess(registry);
  expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(["ours"]);
  for (let times = 0; times < 2; times++) {
    const text = await expose();
    expect(text).toContain("\nours 0\n");
    expect(text).toContain("\nprocess_resident_memory_bytes ");
    expect(text).toContain("\nnodejs_eventloop_lag_p99_seconds ");
  }
});
