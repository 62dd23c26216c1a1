/**
 * How long to wait for the next beat of so many milliseconds. Beats are where the clock can be divided by their length:
 * what looks at something every half second, every second and every two then wakes its process in one moment and not in
 * three, and both processes in the same one. Most of what a look costs an idle system is the waking.
 *
 * A timer may end a little before its time, so a beat that is that near counts as being there.
 *
 * @param now in milliseconds
 */
export function untilBeat(everyMs: number, now: number = Date.now()): number {
  const left = everyMs - (now % everyMs);
  return left < everyMs / 20 ? left + everyMs : left;
}
