import { backoffMs } from "./backoff";

test("waits double from 50 ms to 500 ms, and are no longer however often something was tried", () => {
  expect([0, 1, 2, 3, 4, 5, 10_000].map((attempt) => backoffMs(attempt, 1))).toEqual([
    50, 100, 200, 400, 500, 500, 500,
  ]);
});

// Fails when chance has no part in the wait: ingestors that lost PostgreSQL together would come back to it together.
test("those who wait for the same come at different times, within the second half of the wait", () => {
  expect([backoffMs(9, 0), backoffMs(9, 0.5), backoffMs(9, 1)]).toEqual([250, 375, 500]);
  const waits = Array.from({ length: 100 }, () => backoffMs(9));
  expect(new Set(waits).size).toBeGreaterThan(1);
  expect(waits.filter((wait) => wait < 250 || wait > 500)).toEqual([]);
});
