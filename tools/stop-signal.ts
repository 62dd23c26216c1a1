/** npm passes on the Ctrl-C that a terminal sends to both: within this time the second one is the same key press. */
const SAME_KEY_PRESS_MS = 500;

/** Aborts at the first Ctrl-C or SIGTERM, so that a tool can finish what it is doing; the next one ends it at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) firstAt = performance.now();
      else if (performance.now() - firstAt > SAME_KEY_PRESS_MS) process.exit(code);
      controller.abort();
    });
  }
  return controller.signal;
}
