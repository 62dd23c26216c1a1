import { pino } from "pino";
import { isColoured, withoutStack } from "./log";

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

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: false }, {}, false],
  [{ isTTY: true }, { NO_COLOR: "1" }, false],
  [{ isTTY: false }, { FORCE_COLOR: "1" }, true],
  [{ isTTY: false }, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  [{ isTTY: false }, { FORCE_COLOR: "0" }, false],
])("on %j with %j its words are coloured: %s", (stream, env, coloured) => {
  expect(isColoured(stream, env)).toBe(coloured);
});
