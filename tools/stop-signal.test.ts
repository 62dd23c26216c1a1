import { stopSignal } from "./stop-signal";

const leave = jest.spyOn(process, "exit");
beforeEach(() => {
  jest.useFakeTimers();
  leave.mockReset().mockReturnValue(undefined as never);
});
afterEach(() => {
  jest.useRealTimers();
  for (const name of ["SIGINT", "SIGTERM"]) process.removeAllListeners(name);
});

test("a Ctrl-C that npm passes on a second time is one key press", () => {
  const signal = stopSignal();
  expect(signal.aborted).toBe(false);
  process.emit("SIGINT");
  process.emit("SIGINT");
  expect(signal.aborted).toBe(true);
  expect(leave).not.toHaveBeenCalled();
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a later %s ends the process at once with %d", (name, code) => {
  stopSignal();
  process.emit("SIGINT");
  jest.advanceTimersByTime(600);
  process.emit(name);
  expect(leave).toHaveBeenCalledWith(code);
});
