import { setTimeout as delay } from "node:timers/promises";
import { memoryOf } from "./machine";
import type { Lot } from "./recovery-load";
import type { RecoverySystem } from "./recovery-system";
import { type Goal, rounded } from "./result";

/** What its rows begin with, and its name for `--only`. */
export const BACKLOG = "memory while orders wait";

const [BEFORE, AWAY, AFTER, CATCHING_UP] = [
  `${BACKLOG}: before`,
  `${BACKLOG}: at its highest while PostgreSQL is away`,
  `${BACKLOG}: once all are stored`,
  `${BACKLOG}: at its highest while they are stored`,
];
const [GROWN_AWAY, GROWN_AFTER] = [`${BACKLOG}: grown while PostgreSQL is away`, `${BACKLOG}: grown in the end`];
const BAR_MIB = 64;
const SAMPLE_EVERY_MS = 50;

/** PostgreSQL is stopped, so many orders are published, and it is started again: what the ingestor holds meanwhile. */
export async function measureBacklog(
  orders: number,
  system: RecoverySystem,
  push: (row: string, value: number) => void,
): Promise<void> {
  const { parts, load, ingestor } = system;
  const now = (): number => memoryOf(ingestor.pid).now / 2 ** 20;
  const before = now();
  await parts.postgres.stop();
  let waiting: Lot | undefined;
  const away = await highestDuring(now, async () => {
    waiting = await load.publish(orders, 0);
  });
  const catchingUp = await highestDuring(now, async () => {
    await parts.postgres.start();
    if (waiting) await system.untilOver(waiting);
  });
  const after = now();
  push(BEFORE, before);
  push(AWAY, away);
  push(CATCHING_UP, catchingUp);
  push(AFTER, after);
  push(GROWN_AWAY, away - before);
  push(GROWN_AFTER, after - before);
}

/** The promise is that what waits in Kafka does not wait in memory too. */
export function backlogGoal(row: string, highest: number): Goal[] {
  if (row !== GROWN_AWAY && row !== GROWN_AFTER) return [];
  return [{ goal: `${row}, most (MiB)`, value: rounded(highest), bar: BAR_MIB, met: highest <= BAR_MIB }];
}

async function highestDuring(now: () => number, work: () => Promise<void>): Promise<number> {
  let highest = now();
  let isOver = false;
  const sampling = (async () => {
    for (; !isOver; await delay(SAMPLE_EVERY_MS)) highest = Math.max(highest, now());
  })();
  await work().finally(() => {
    isOver = true;
  });
  await sampling;
  return highest;
}
