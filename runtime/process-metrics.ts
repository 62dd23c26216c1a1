import { collectDefaultMetrics, type Registry } from "prom-client";

/**
 * Each look at the event loop's delay wakes the process; the usual hundred a second would be most of what an idle one costs.
 * It shows as the least delay, and is half of what an alert is given for (OrdersEventLoopBlocked).
 */
const LOOK_AT_EVENT_LOOP_MS = 250;

/**
 * The metrics of a registry as Prometheus reads them, and with them those of the process itself. They are collected from
 * the first time on that somebody asks: where nobody does, nothing wakes the process for them.
 */
export function exposeWithProcess(registry: Registry): () => Promise<string> {
  let isCollected = false;
  return () => {
    if (!isCollected)
      collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOK_AT_EVENT_LOOP_MS });
    isCollected = true;
    return registry.metrics();
  };
}
