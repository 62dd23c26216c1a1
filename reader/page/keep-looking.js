import { lookUpMeant } from "./look-up.js";

/** An order on its way takes a moment; one that has not come for long is asked for seldom. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Asks again, while the page is visible, until there is something else to tell: an order that was not there has come, or
 * one that could not be reached can be, or cannot for another reason. That a missing one cannot be reached for a while is
 * nothing new.
 *
 * @param {{ kind: string, because?: string | number }} told the outcome so far
 * @param {AbortSignal} signal ends it
 * @returns the new outcome, or undefined when the signal came first
 */
export async function keepLooking(id, told, signal) {
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    await pause(wait, signal);
    await untilVisible(signal);
    if (signal.aborted) return undefined;
    const outcome = await lookUpMeant(id, signal).catch(() => undefined);
    if (signal.aborted) return undefined;
    if (outcome && isNew(outcome, told)) return outcome;
  }
  return undefined;
}

function isNew({ kind, because }, told) {
  return kind === "unavailable" ? told.kind === kind && told.because !== because : told.kind !== kind;
}

/** Until so much time has passed, or the device is in the net again. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

function untilVisible(signal) {
  if (!document.hidden) return;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve);
  });
}
