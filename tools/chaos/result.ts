import type { Findings } from "./answers";
import type { Comparison } from "./compare";
import type { FaultCounts } from "./inject";

/** What came of a run. */
export interface RunResult extends Comparison, Omit<Findings, "asked" | "unavailable"> {
  readonly seed: number;
  readonly seconds: number;
  /** Questions about orders, and how many of them the readers could not answer at the time (503). */
  readonly asked: number;
  readonly unavailable: number;
  /** Orders that a reader had still not answered with half a minute after the system was level. */
  readonly unread: number;
  /** Orders that a reader did not serve from memory at the end, with PostgreSQL out of reach. */
  readonly unserved: number;
  /** What `npm run audit` finds, lag and gaps included. */
  readonly differences: number;
  /** From the end of the faults until every record was ingested and every dead letter delivered. */
  readonly recoveredMs: number;
  readonly faults: FaultCounts;
}

/** What has to be 0. */
export const failureCounts = [
  "lost",
  "twice",
  "wrongBytes",
  "false404",
  "dlqMissing",
  "dlqExtra",
  "unread",
  "unfounded",
  "unserved",
  "unexpected",
  "differences",
] as const satisfies readonly (keyof RunResult)[];

/** A run in which nothing was published, asked or broken has shown nothing, whatever it has counted. */
export function isGood(result: RunResult): boolean {
  return failureCounts.every((name) => result[name] === 0) && missingParts(result).length === 0;
}

/** What a run has to have and had not, in words. */
export function missingParts(result: RunResult): string[] {
  const parts = { orders: result.orders, questions: result.asked, faults: faultsOf(result) };
  return Object.entries(parts).flatMap(([name, count]) => (count > 0 ? [] : [`no ${name}`]));
}

export function faultsOf({ faults }: Pick<RunResult, "faults">): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}
