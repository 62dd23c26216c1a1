const EVERY_MS = 20;
/** What a timer may be late on a machine that has a processor for everybody. */
const USUAL_MS = 30;

/**
 * How long something takes that is only waited for, in milliseconds, without the time in which this process stood still
 * because others had the processors: a time that is promised is one of a machine that works.
 */
export async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let stalledMs = 0;
  let last = start;
  const look = (): void => {
    const now = performance.now();
    const late = now - last - EVERY_MS;
    if (late > USUAL_MS) stalledMs += late;
    last = now;
  };
  const timer = setInterval(look, EVERY_MS);
  try {
    await act();
    look();
    return last - start - stalledMs;
  } finally {
    clearInterval(timer);
  }
}
