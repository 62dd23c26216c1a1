import { setTimeout as delay } from "node:timers/promises";
import { forgetOtherSystems } from "../forget-other-systems";
import { signalAll } from "../start/process-tree";
import { UsageError } from "../usage-error";
import { BACKLOG, backlogGoal, measureBacklog } from "./recovery-backlog";
import { type Fault, faults } from "./recovery-faults";
import { startRecoveryParts } from "./recovery-parts";
import { type RecoverySystem, withIngestor } from "./recovery-system";
import { timeRecovery } from "./recovery-times";
import { type Goal, type Measured, rounded, seriesOf } from "./result";

export interface RecoveryOptions {
  readonly rounds: number;
  /** How many wait in Kafka while memory is looked at. */
  readonly orders: number;
  /** How long a part stays away. */
  readonly awaySeconds: number;
  /** Names of faults; all of them, and the memory, where it is undefined. */
  readonly only: readonly string[] | undefined;
  readonly say: (text: string) => void;
}

/** What the README and the runbook promise, after whatever a half-open connection is given. */
const RECOVERED_WITHIN_SECONDS = 2;
/** Enough to be in several transactions, few enough that their own work does not count. */
const [ORDERS, LETTERS] = [300, 30];
const WARM_UP = 20_000;

/**
 * How soon the ingestor goes on when a part comes back: from the moment in which the part answers again to the first of
 * the records that have waited, and to the last. And what it holds in memory meanwhile.
 */
export async function benchRecovery(options: RecoveryOptions): Promise<Measured> {
  const names = [...faults.map(({ name }) => name), BACKLOG];
  const unknown = options.only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) throw new UsageError(`--only ${unknown.join(" ")}: it can be ${names.join(", ")}`);
  const isChosen = (name: string): boolean => options.only?.includes(name) ?? true;
  forgetOtherSystems();
  const values = new Map<string, number[]>();
  const push = (row: string, value: number): void => {
    options.say(`${row}: ${rounded(value)}`);
    values.set(row, [...(values.get(row) ?? []), value]);
  };
  options.say("starting PostgreSQL, Kafka and Redis of its own …");
  const parts = await startRecoveryParts();
  try {
    for (const kind of ["as shipped", "with Redis", "by doors"] as const) {
      const theirs = faults.filter((fault) => fault.ingestor === kind && isChosen(fault.name));
      const isBacklog = kind === "as shipped" && isChosen(BACKLOG);
      if (theirs.length === 0 && !isBacklog) continue;
      // What waits in the end has to be no more than what has been there before.
      const warmUp = isBacklog ? options.orders : Math.min(options.orders, WARM_UP);
      await withIngestor({ kind, parts, warmUp }, async (running) => {
        for (let round = 0; round < options.rounds; round++) {
          for (const fault of theirs) await outlast(fault, options.awaySeconds, running, push);
          if (isBacklog) await measureBacklog(options.orders, running, push);
        }
      });
    }
  } finally {
    await parts.drop();
  }
  const goals = [...values].flatMap(([row, each]) => goalOf(row, Math.max(...each)));
  return { series: seriesOf(values, (row) => (isMemory(row) ? "MiB" : "s")), goals, leftOut: [] };
}

const isMemory = (row: string): boolean => row.startsWith(BACKLOG);

/** The promise is of each time, so the longest of the rounds has to keep it. */
function goalOf(row: string, longest: number): Goal[] {
  if (isMemory(row)) return backlogGoal(row, longest);
  const patience = faults.find(({ name }) => row.startsWith(`${name}: `))?.patienceSeconds ?? 0;
  const bar = patience + RECOVERED_WITHIN_SECONDS;
  return [{ goal: `${row}, longest (s)`, value: rounded(longest), bar, met: longest <= bar }];
}

/** One fault, from peace to peace. */
async function outlast(
  fault: Fault,
  usualSeconds: number,
  system: RecoverySystem,
  push: (row: string, value: number) => void,
): Promise<void> {
  const { parts, load, ingestor } = system;
  const first = await load.publish(ORDERS, LETTERS);
  if (fault.isBroker) {
    await system.untilOver(first);
    // Nobody fetches what is published now until the broker is gone. The first record ends the fetch that waits for one.
    signalAll([ingestor.pid], "SIGSTOP");
    await load.publish(1, 0);
  }
  const inTime = fault.isBroker ? await load.publish(ORDERS, LETTERS) : undefined;
  await fault.strike(parts, load.topic.dlqName);
  signalAll([ingestor.pid], "SIGCONT");
  const second = inTime ?? (await load.publish(ORDERS, LETTERS));
  if (fault.part === "Redis") await system.untilOver({ orders: second.orders, letters: [] });
  await delay((fault.awaySeconds ?? usualSeconds) * 1_000);
  // Nobody can ask a PostgreSQL that is away; what was published since waits in any case.
  const waiting = fault.part === "PostgreSQL" ? second : await load.stillWaiting(second);
  await fault.mend(parts);
  const times = await timeRecovery(waiting, first, system);
  if (waiting.orders.length > 0) {
    push(`${fault.name}: first order stored`, times.firstOrder);
    push(`${fault.name}: all orders stored`, times.allOrders);
  }
  if (waiting.letters.length > 0) {
    if (fault.part === "Redis") push(`${fault.name}: first dead letter delivered`, times.firstLetter);
    push(`${fault.name}: all dead letters delivered`, times.allLetters);
  }
  if (fault.part === "PostgreSQL") push(`${fault.name}: orders readable`, times.readable);
}
