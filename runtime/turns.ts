export type TakeTurn = () => Promise<() => void>;

/** At most `atOnce` turns at the same time, in the order in which they were asked for. Whoever gets one gets what ends it. */
export function createTurns(atOnce: number): TakeTurn {
  const waiting: (() => void)[] = [];
  let taken = 0;
  const end = (): void => {
    const next = waiting.shift();
    if (next) next();
    else taken -= 1;
  };
  return async () => {
    if (taken < atOnce) taken += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return end;
  };
}
