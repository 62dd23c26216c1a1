import { faultNames, faultTargets, makeSchedule, targetNames } from "./schedule";

const wish = { seed: 7, seconds: 120, faults: faultNames, targets: targetNames };

test("one seed has one schedule, another seed another", () => {
  expect(makeSchedule(wish)).toEqual(makeSchedule(wish));
  expect(makeSchedule({ ...wish, seed: 8 })).not.toEqual(makeSchedule(wish));
});

test("over some seeds every fault comes to every one of its targets", () => {
  const seen = new Set(
    Array.from({ length: 40 }, (_, seed) => makeSchedule({ ...wish, seed })).flatMap((schedule) =>
      schedule.map(({ fault, target }) => `${fault} ${target}`),
    ),
  );
  const all = faultNames.flatMap((fault) => faultTargets[fault].map((target) => `${fault} ${target}`));
  expect([...seen].sort()).toEqual(all.sort());
});

test("faults of one part never overlap, those of different parts do, and all are over before the end", () => {
  let overlaps = 0;
  for (let seed = 0; seed < 40; seed++) {
    const schedule = makeSchedule({ ...wish, seed });
    expect(schedule.length).toBeGreaterThan(30);
    for (const [index, { at, target, duration }] of schedule.entries()) {
      expect(at + duration).toBeLessThanOrEqual(118_000);
      const during = schedule.slice(index + 1).filter((later) => later.at < at + duration);
      expect(during.map((later) => later.target)).not.toContain(target);
      overlaps += during.length;
    }
  }
  expect(overlaps).toBeGreaterThan(400);
});

test("only the faults that were asked for come, and only to the parts that were", () => {
  const schedule = makeSchedule({ ...wish, faults: ["freeze", "flush-redis"] });
  expect(new Set(schedule.map(({ fault }) => fault))).toEqual(new Set(["freeze", "flush-redis"]));
  const targeted = makeSchedule({ ...wish, targets: ["kafka", "redis"] });
  expect(new Set(targeted.map(({ target }) => target))).toEqual(new Set(["kafka", "redis"]));
  expect(makeSchedule({ ...wish, faults: [] })).toEqual([]);
});
