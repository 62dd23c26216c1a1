import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "../runtime/backoff";
import { classifyFailure } from "./failure";
import type { Part, ReportOutage } from "./health";

/**
 * Connects to a part that may not be there yet, and tries again until it is. Only a defect or a wrong setting, which no
 * waiting can mend, is thrown.
 */
export async function connectPatiently<T>(part: Part, onOutage: ReportOutage, connect: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const connected = await connect();
      if (attempt > 0) onOutage(part, undefined);
      return connected;
    } catch (error) {
      const failure = classifyFailure(error);
      if (failure.action === "stop") throw error;
      onOutage(part, failure);
      await delay(backoffMs(attempt));
    }
  }
}
