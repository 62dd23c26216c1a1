import { setTimeout as delay } from "node:timers/promises";
import type { Lot } from "./recovery-load";
import type { RecoverySystem } from "./recovery-system";

/** Seconds from a part's return to the first of the records that have waited, and to the last. */
export interface RecoveryTimes {
  readonly firstOrder: number;
  readonly allOrders: number;
  readonly firstLetter: number;
  readonly allLetters: number;
  /** From the reader, by HTTP. */
  readonly readable: number;
}

const LOOK_EVERY_MS = 5;
const OVER_WITHIN_SECONDS = 120;
/** Of those that have waited, evenly: asking for all of them would be most of the work. */
const ASKED = 30;

/**
 * Call it in the moment of the return. What nobody waited for took no time.
 *
 * @param waiting what has surely waited: the first that is over is one of these
 * @param inFlight what was on its way when the part went away
 * @throws Error when some of them still wait after two minutes
 */
export async function timeRecovery(
  waiting: Lot,
  inFlight: Lot,
  { load, reader }: RecoverySystem,
): Promise<RecoveryTimes> {
  const returnedAt = performance.now();
  const seconds = (): number => (performance.now() - returnedAt) / 1_000;
  const times: Partial<Record<keyof RecoveryTimes, number>> = {};
  let reading: Promise<number> | undefined;
  let left: Lot = {
    orders: [...inFlight.orders, ...waiting.orders],
    letters: [...inFlight.letters, ...waiting.letters],
  };
  for (; left.orders.length + left.letters.length > 0; await delay(LOOK_EVERY_MS)) {
    left = await load.stillWaiting(left).catch(() => left);
    if (isSomeOver(waiting.orders, left.orders)) times.firstOrder ??= seconds();
    if (left.orders.length === 0) {
      times.allOrders ??= seconds();
      reading ??= untilReadable(waiting.orders, reader.url).then(seconds);
    }
    if (isSomeOver(waiting.letters, left.letters)) times.firstLetter ??= seconds();
    if (left.letters.length === 0) times.allLetters ??= seconds();
    if (seconds() > OVER_WITHIN_SECONDS) {
      throw new Error(`${left.orders.length} orders and ${left.letters.length} dead letters wait two minutes after it`);
    }
  }
  const readable = (await reading) ?? 0;
  return { firstOrder: 0, allOrders: 0, firstLetter: 0, allLetters: 0, ...times, readable };
}

function isSomeOver(waiting: readonly string[], left: readonly string[]): boolean {
  const still = new Set(left);
  return waiting.some((each) => !still.has(each));
}

async function untilReadable(ids: readonly string[], readerUrl: string): Promise<void> {
  const some = ids.filter((_, index) => index % Math.ceil(ids.length / ASKED) === 0);
  const deadline = performance.now() + OVER_WITHIN_SECONDS * 1_000;
  for (const id of some) {
    while (!(await isReadable(`${readerUrl}/orders/${id}`))) {
      if (performance.now() > deadline) throw new Error(`order ${id} is stored and cannot be read for two minutes`);
      await delay(LOOK_EVERY_MS);
    }
  }
}

async function isReadable(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
