/**
 * How long to wait before an attempt, in ms: doubling from 50 ms, at most 1 s (so that whoever waits for a part that
 * comes back notices within two seconds), and by chance down to half of that, so that many who wait do not come at once.
 *
 * @param attempt 0 for the first wait
 * @param random a number from 0 to 1
 */
export function backoffMs(attempt: number, random: number = Math.random()): number {
  const longest = Math.min(1_000, 50 * 2 ** Math.min(attempt, 10));
  return Math.round(longest * (0.5 + random / 2));
}
