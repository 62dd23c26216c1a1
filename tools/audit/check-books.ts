import { deadLetterId } from "../../ingestor/dead-letter";
import { LEASE_SECONDS } from "../../ingestor/outbox";
import type { Difference } from "./differences";
import type { PartitionBooks, ReplayRow, UndeliveredRow } from "./ledger";

/** What is younger may be on its way: a sweep after 2 s, the lease of a worker that was killed, then a delivery. */
export const DELIVERY_SECONDS = LEASE_SECONDS + 30;

/**
 * Compares every position's counters with the rows that they count. Duplicates have no rows: what they are is the rest
 * of `received`, which PostgreSQL keeps to be the sum. Pure.
 */
export function checkBooks(topic: string, books: readonly PartitionBooks[]): Difference[] {
  return books.flatMap(({ epoch, partition, counters, orders, dead, lastOffset }): Difference[] => {
    const at = `${topic}:${epoch}:${partition}`;
    if (!counters) return [{ kind: "position", at, detail: "there are rows of this partition, and no position" }];
    const differences: Difference[] = [];
    if (counters.stored !== orders) {
      differences.push({ kind: "counter", at, detail: `stored is ${counters.stored}, orders has ${rowsOf(orders)}` });
    }
    if (counters.dead !== dead) {
      differences.push({
        kind: "counter",
        at,
        detail: `dead is ${counters.dead}, the outbox stands for ${dead} ${dead === 1n ? "record" : "records"}`,
      });
    }
    if (counters.duplicate < 0n) {
      differences.push({ kind: "counter", at, detail: `duplicate is ${counters.duplicate}` });
    }
    if (lastOffset >= counters.nextOffset) {
      const detail = `the position is ${counters.nextOffset}, and there is a row of offset ${lastOffset}`;
      differences.push({ kind: "position", at, detail });
    }
    return differences;
  });
}

function rowsOf(count: bigint): string {
  return `${count} ${count === 1n ? "row" : "rows"}`;
}

/** Names a life of the topic that is over unnoticed: its rows are not compared with the records of another topic. Pure. */
export function checkLife(topic: string, endedEpoch: number | undefined): Difference[] {
  if (endedEpoch === undefined) return [];
  const detail = "the topic was made anew, and no ingestor has noticed yet: start the ingestor";
  return [{ kind: "position", at: `${topic}:${endedEpoch}`, detail }];
}

/** Names the dead letters that were brought back and of which the ledger says what did not become of them. Pure. */
export function checkOutcomes(topic: string, rows: readonly ReplayRow[]): Difference[] {
  return rows.map(({ id, replay, state, ...place }) => {
    const detail = `the ledger says that replay ${replay} of ${id} is ${state} here, and the other tables do not`;
    return { kind: "ledger", at: deadLetterId({ topic, ...place }), detail };
  });
}

/** Names the dead letters that have not reached Kafka. Pure. */
export function checkDelivery(topic: string, rows: readonly UndeliveredRow[]): Difference[] {
  return rows.map(({ id, epoch, partition, offset, refusal, ageSeconds }) => {
    const at = `${topic}:${epoch}:${partition}:${offset}`;
    return refusal === null
      ? { kind: "undelivered", at, detail: `outbox row ${id} has waited for ${Math.round(ageSeconds)} s` }
      : { kind: "refused", at, detail: `outbox row ${id}: Kafka says ${refusal}` };
  });
}
