export type TakeTurn = () => Promise<(() => void) | undefined>;

/**
 * At most `atOnce` turns at the same time, in the order in which they were asked for. Whoever gets one gets what ends it;
 * undefined instead of a turn means that `mostWaiting` wait for one already.
 */
export function createTurns(atOnce: number, mostWaiting = Number.POSITIVE_INFINITY): TakeTurn {
  const waiting: (() => void)[] = [];
  let taken = 0;
  const end = (): void => {
    const next = waiting.shift();
    if (next) next();
    else taken -= 1;
  };
  return async () => {
    if (taken < atOnce) {
      taken += 1;
      return end;
    }
    if (waiting.length >= mostWaiting) return undefined;
    await new Promise<void>((resolve) => waiting.push(resolve));
    return end;
  };
}
