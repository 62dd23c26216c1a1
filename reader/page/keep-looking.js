import { lookUp } from "./look-up.js";

/** An order on its way takes a moment; one that has not come for long is asked for seldom. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Asks for an order that was not there until it is, while the page is visible.
 *
 * @param {AbortSignal} signal ends it
 * @returns the outcome `found`, or undefined when the signal came first
 */
export async function keepLooking(id, signal) {
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    await pause(wait, signal);
    await untilVisible(signal);
    if (signal.aborted) return undefined;
    const outcome = await lookUp(id, signal).catch(() => undefined);
    if (outcome?.kind === "found" && !signal.aborted) return outcome;
  }
  return undefined;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function untilVisible(signal) {
  if (!document.hidden) return;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve);
  });
}
