import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "../runtime/backoff";
import { classifyFailure, type Failure } from "./failure";

/**
 * Connects to a part that may not be there yet, and tries again until it is. Only a defect or a wrong setting, which no
 * waiting can mend, is thrown.
 *
 * @param onOutage told of every failed attempt, and with undefined of the first success after one
 */
export async function connectPatiently<T>(
  onOutage: (failure: Failure | undefined) => void,
  connect: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const connected = await connect();
      if (attempt > 0) onOutage(undefined);
      return connected;
    } catch (error) {
      const failure = classifyFailure(error);
      if (failure.action === "stop") throw error;
      onOutage(failure);
      await delay(backoffMs(attempt));
    }
  }
}
