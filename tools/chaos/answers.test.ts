import { Answers, addFindings } from "./answers";

const order = { id: "a", sha256: "aa", partition: 0, offset: 0, acknowledgedAt: 0 };
const question = { order, reader: 0, isCommitted: true };

test("what a reader answers wrongly from its memory counts, and its stall does not", () => {
  const [running, fromMemory] = [new Answers(["reader"]), new Answers(["reader"])];
  running.judge(question, { status: 200, sha256: "ab" });
  for (const status of [200, 404, 503, 500]) fromMemory.judge(question, { status, sha256: "ac" });
  expect(fromMemory.judge(question, { status: 200, sha256: "aa" })).toBe(true);
  expect(addFindings(running.findings(), fromMemory.findings())).toEqual({
    ...{ asked: 6, unavailable: 1, wrongBytes: 2, false404: 1, unexpected: 1, longestStallMs: 0 },
  });
});
