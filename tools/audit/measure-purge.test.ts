import { measurePurge } from "./measure-purge";

const bounds = (partition: number, low: bigint) => ({ partition, low, high: 9n });
const [early, late] = [new Date(1_000), new Date(2_000)];
const held = new Map([
  [0, early],
  [1, late],
]);

test("what a partition was cut by had failed before the first letter that it still holds was delivered", () => {
  const both = [bounds(0, 3n), bounds(1, 0n)];
  expect(measurePurge(both, both, held)).toEqual({ most: 3n, until: early });
  const cut = [bounds(0, 3n), bounds(1, 2n)];
  expect(measurePurge(cut, cut, held)).toEqual({ most: 5n, until: late });
});

test("a partition that holds nothing, or was cut during the walk, does not say when, but how many", () => {
  const empty = [bounds(0, 3n), bounds(2, 4n)];
  expect(measurePurge(empty, empty, held)).toEqual({ most: 7n, until: undefined });
  expect(measurePurge([bounds(0, 2n)], [bounds(0, 3n)], held)).toEqual({ most: 3n, until: undefined });
});

test("a topic that was never cut has lost nothing", () => {
  expect(measurePurge([bounds(0, 0n)], [bounds(0, 0n)], held).most).toBe(0n);
});
