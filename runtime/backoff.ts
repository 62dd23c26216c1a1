/**
 * How long to wait before an attempt, in ms: doubling from 50 ms, at most 500 ms, and by chance down to half of that, so
 * that many who wait do not come at once. Two such waits, the ingestor's and the reader's, lie between the return of
 * PostgreSQL and an order's being readable, and two seconds are promised for all of it: medians of 0.8 s here, and of
 * 1.7 s with waits of up to a second (five rounds each of PostgreSQL stopped for 4 s with 200 orders in flight).
 *
 * @param attempt 0 for the first wait
 * @param random a number from 0 to 1
 */
export function backoffMs(attempt: number, random: number = Math.random()): number {
  const longest = Math.min(500, 50 * 2 ** Math.min(attempt, 10));
  return Math.round(longest * (0.5 + random / 2));
}
