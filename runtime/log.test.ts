import { pino } from "pino";
import { withoutStack } from "./log";

const { warn = 0, error = 0 } = pino.levels.values;
const lost = new Error("Connection terminated unexpectedly");

test("a warning on a terminal tells its error in one sentence", () => {
  expect(withoutStack({ event: "reader.listen-lost", err: lost }, warn)).toEqual({
    event: "reader.listen-lost",
    error: "Connection terminated unexpectedly",
  });
});

test("an error keeps its stack, and what has none stays as it is", () => {
  const failed = { event: "process.failed", err: lost };
  expect(withoutStack(failed, error)).toBe(failed);
  for (const fields of ["words", undefined, { event: "x" }]) expect(withoutStack(fields, warn)).toBe(fields);
});
