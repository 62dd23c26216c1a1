const GIVE_UP_AFTER_MS = 10_000;

/**
 * Asks the reader for the order that a person means: ids are compared as they are, so that with spaces around it is asked
 * for first; where there is none such, they came along with what was pasted.
 *
 * @param {string} id
 * @param {AbortSignal} signal as of lookUp
 * @returns as lookUp; of what was found without the spaces also the `id` that it was found by
 */
export async function lookUpMeant(id, signal) {
  const outcome = await lookUp(id, signal);
  const trimmed = id.trim();
  if (outcome.kind !== "unknown" || trimmed === id || trimmed === "") return outcome;
  const without = await lookUp(trimmed, signal);
  return without.kind === "found" ? { ...without, id: trimmed } : outcome;
}

/**
 * Asks the reader for an order.
 *
 * @param {string} id
 * @param {AbortSignal} signal given up when another look-up begins; the promise then rejects
 * @returns one of `{ kind: "found", text }`, `{ kind: "unknown" }`, `{ kind: "malformed" }` and
 *   `{ kind: "unavailable", because }`, where `because` picks its words from `words.unavailable`: a status, or one of
 *   `slow`, `silent` and `offline`
 */
async function lookUp(id, signal) {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), GIVE_UP_AFTER_MS);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    const answer = await fetch(`/orders/${encodeURIComponent(id)}`, { signal: either });
    if (answer.status === 200) return { kind: "found", text: await answer.text() };
    if (answer.status === 404) return { kind: "unknown" };
    if (answer.status === 400) return { kind: "malformed" };
    return { kind: "unavailable", because: answer.status };
  } catch (error) {
    if (signal.aborted) throw error;
    if (deadline.signal.aborted) return { kind: "unavailable", because: "slow" };
    return { kind: "unavailable", because: navigator.onLine ? "silent" : "offline" };
  } finally {
    clearTimeout(timer);
  }
}
