import { setTimeout as sleep } from "node:timers/promises";

const EVERY_MS = 100;

/** Tries again and again: a part that was broken until now takes its time. @throws the last error after `limitMs` */
export async function patiently<T>(limitMs: number, attempt: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + limitMs; ; await sleep(EVERY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
