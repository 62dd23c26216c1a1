/** npm passes on the Ctrl-C that a terminal sends to both: within this time the second one is the same key press. */
const SAME_KEY_PRESS_MS = 500;

/** Tells the first Ctrl-C or SIGTERM, with the exit code that belongs to it; the next one ends the process at once. */
export function whenToldToStop(tell: (exitCode: number) => void): void {
  let firstAt: number | undefined;
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(name, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        tell(code);
      } else if (performance.now() - firstAt > SAME_KEY_PRESS_MS) process.exit(code);
    });
  }
}

/** Aborts at the first Ctrl-C or SIGTERM, so that a tool can finish what it is doing; the next one ends it at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  whenToldToStop(() => controller.abort());
  return controller.signal;
}
