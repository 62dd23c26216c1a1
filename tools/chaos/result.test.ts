import { describeRun } from "./report";
import { failureCounts, isGood, type RunResult } from "./result";

const good: RunResult = {
  ...{ seed: 1, seconds: 40, orders: 100, poison: 10, asked: 200, unavailable: 0, faults: { kill: 2 } },
  ...{ lost: 0, twice: 0, wrongBytes: 0, false404: 0, dlqMissing: 0, dlqExtra: 0, unfounded: 0, redelivered: 3 },
  ...{ unread: 0, unserved: 0, unexpected: 0, differences: 0, longestStallMs: 0, recoveredMs: 0 },
};

test("a run with nothing wrong is good", () => expect(isGood(good)).toBe(true));

test.each(failureCounts)("one in %s is not good", (name) => expect(isGood({ ...good, [name]: 1 })).toBe(false));

// Fails when a chaos that did nothing is taken for one that found nothing.
test.each<[string, Partial<RunResult>]>([
  ["no orders", { orders: 0 }],
  ["no questions", { asked: 0 }],
  ["no faults", { faults: {} }],
])("a run with %s has shown nothing, and says so", (words, change) => {
  expect(isGood({ ...good, ...change })).toBe(false);
  expect(describeRun({ ...good, ...change })).toContain(`NOT ok, ${words}`);
});
