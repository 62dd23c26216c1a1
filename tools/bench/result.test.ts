import { medianOf, ratioGoal, ratioOf, rowOf, type Series } from "./result";

const series = (name: string, ...values: number[]): Series => ({ name, unit: "1/s", values });

test("a median is the middle, or the middle between the two in the middle", () => {
  expect([medianOf([7]), medianOf([3, 1, 2]), medianOf([10, 1, 2, 3])]).toEqual([7, 2, 2.5]);
});

test("a row has the median and the spread", () => {
  expect(rowOf(series("a", 5, 1, 3))).toEqual({ median: 3, min: 1, max: 5, unit: "1/s" });
});

test("a ratio is taken round by round, so that a slow minute of the machine does not count", () => {
  const all = [series("ours", 10, 1, 12), series("theirs", 20, 2, 24)];
  expect(ratioOf(all, "ours", "theirs")).toBe(0.5);
});

test("a goal is met at its bar, and is left out when what it is set against is missing", () => {
  const all = [series("ours", 9), series("theirs", 10)];
  expect(ratioGoal(all, "fast", ["ours", "theirs"], 0.9)).toEqual([{ goal: "fast", value: 0.9, bar: 0.9, met: true }]);
  expect(ratioGoal(all, "fast", ["ours", "theirs"], 0.91)[0]?.met).toBe(false);
  expect(ratioGoal(all, "fast", ["ours", "nobody"], 0.9)).toEqual([]);
});
