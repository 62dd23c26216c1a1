import { Histogram, Registry } from "prom-client";
import { createRequestHistogram } from "./request-histogram";

test("says of the same values what prom-client's own histogram says", async () => {
  const bounds = [0.001, 0.01, 0.1];
  const registry = new Registry();
  const reference = new Histogram({
    name: "h",
    help: "Help.",
    labelNames: ["a"],
    buckets: bounds,
    registers: [registry],
  });
  const histogram = createRequestHistogram("h", "Help.", bounds);
  for (const a of ["x", "y"]) {
    for (const seconds of [0, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.5, 60]) {
      reference.observe({ a }, seconds);
      histogram.observe(`a="${a}"`, seconds);
    }
  }
  expect(histogram.expose()).toBe(await registry.metrics());
});
