import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until a condition gives something other than false, undefined and null, and returns it. An error of the
 * condition counts as "not yet".
 *
 * @param awaited what is waited for, in words, for the error
 * @throws Error that names what was awaited, with the condition's last error, after `limitMs`
 */
export async function waitUntil<T>(
  awaited: string,
  condition: () => Promise<T> | T,
  { limitMs = 60_000, everyMs = 25 }: { limitMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + limitMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result !== false && result !== undefined && result !== null) return result as NonNullable<Exclude<T, false>>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) {
      throw new Error(`not within ${limitMs / 1000} s: ${awaited}`, { cause: lastError });
    }
    await delay(everyMs);
  }
}
