const GIVE_UP_AFTER_MS = 10_000;

/**
 * Asks the reader for an order.
 *
 * @param {string} id
 * @param {AbortSignal} signal given up when another look-up begins; the promise then rejects
 * @returns one of `{ kind: "found", text }`, `{ kind: "unknown" }`, `{ kind: "malformed" }` and
 *   `{ kind: "unavailable", because }`, the last in words for a person
 */
export async function lookUp(id, signal) {
  const deadline = AbortSignal.timeout(GIVE_UP_AFTER_MS);
  try {
    const answer = await fetch(`/orders/${encodeURIComponent(id)}`, { signal: AbortSignal.any([signal, deadline]) });
    if (answer.status === 200) return { kind: "found", text: await answer.text() };
    if (answer.status === 404) return { kind: "unknown" };
    if (answer.status === 400) return { kind: "malformed" };
    return { kind: "unavailable", because: reasonOfStatus(answer.status) };
  } catch (error) {
    if (signal.aborted) throw error;
    return {
      kind: "unavailable",
      because: deadline.aborted ? "There was no answer in ten seconds." : reasonOfNoAnswer(),
    };
  }
}

function reasonOfStatus(status) {
  return status === 503
    ? "The order is not in memory, and the database cannot be asked at the moment."
    : `The service has answered with an error (${status}).`;
}

function reasonOfNoAnswer() {
  return navigator.onLine ? "The service does not answer." : "This device is offline.";
}
