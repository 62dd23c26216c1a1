import { untilBeat } from "./beat";

test("looks of different intervals meet on the longest one's beat", () => {
  const next = (everyMs: number): number => 12_345_678 + untilBeat(everyMs, 12_345_678);
  expect([500, 1_000, 2_000].map(next)).toEqual([12_346_000, 12_346_000, 12_346_000]);
});

// Fails without the allowance: Node's timers end up to some milliseconds early, and the same look would come twice.
test("a timer that ended just before its beat waits for the next one", () => {
  expect(untilBeat(1_000, 12_345_998)).toBe(1_002);
});

test("on the beat the wait is a whole one", () => {
  expect(untilBeat(2_000, 12_346_000)).toBe(2_000);
});
