import { partitionKey } from "../prisma/order-channel";
import type { StandingQuestions } from "../prisma/standing-questions";
import type { Log } from "../runtime/log";
import type { Assignment } from "./assignment";
import { classifyFailure } from "./failure";
import type { ReportOutage } from "./health";
import { watchRegularly } from "./watch-regularly";

export interface WatchPositionsDeps {
  readonly questions: Pick<StandingQuestions, "ask">;
  readonly topic: string;
  readonly assignment: Pick<Assignment, "all" | "get" | "reposition" | "isPositioned">;
  readonly onOutage: ReportOutage;
  readonly log: Log;
}

const POSITIONS = {
  name: "positions-of-topic",
  text: `SELECT epoch, partition, next_offset FROM positions WHERE epoch IN (SELECT id FROM epochs WHERE topic = $1)`,
} as const;

interface StoredPosition {
  readonly epoch: number;
  readonly partition: number;
  /** A bigint in decimal, as `pg` gives it. */
  readonly next_offset: string;
}

/**
 * Notices that the database was put back to an older copy while nothing comes in (a busy partition notices at its next
 * transaction): its positions are then below ours, or gone, and what came since has to be read again from Kafka.
 *
 * It also tells that PostgreSQL does not answer, which nobody else meets while nothing comes in. That it answers is the end
 * of an outage only where this watch has told it, or nothing here waits to be stored: it may answer and refuse to write.
 *
 * @returns what stops the timer
 */
export function watchPositions({ questions, topic, assignment, onOutage, log }: WatchPositionsDeps): () => void {
  let hasTold = false;
  const ask = async (): Promise<readonly StoredPosition[]> => {
    try {
      return await questions.ask<StoredPosition>(POSITIONS, [topic]);
    } catch (error) {
      hasTold = true;
      onOutage("PostgreSQL", classifyFailure(error));
      throw error;
    }
  };
  return watchRegularly("positions", log, async () => {
    const before = assignment.all().map((open) => ({ open, nextOffset: open.nextOffset }));
    const rows = await ask();
    const isIdle = assignment.all().length === 0 && assignment.isPositioned();
    if (hasTold || isIdle) onOutage("PostgreSQL", undefined);
    hasTold = false;
    const stored = new Map(rows.map((row) => [partitionKey(row), BigInt(row.next_offset)]));
    for (const { open, nextOffset } of before) {
      const inDatabase = stored.get(partitionKey(open));
      const isRestored = inDatabase === undefined || inDatabase < nextOffset;
      if (!isRestored || assignment.get(open.partition) !== open) continue;
      log.error(
        { event: "positions.restored", partition: open.partition, from: String(nextOffset), to: String(inDatabase) },
        `the database was put back: partition ${open.partition} is read again from ${inDatabase ?? "its start"}`,
      );
      assignment.reposition(open.partition);
    }
  });
}
