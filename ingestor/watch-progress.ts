import type { Admin } from "kafkajs";
import type { Assignment } from "./assignment";
import type { IngestorMetrics } from "./metrics";

export interface ProgressDeps {
  readonly topic: string;
  readonly admin: Pick<Admin, "fetchTopicOffsets">;
  readonly assignment: Pick<Assignment, "all" | "get">;
  readonly metrics: Pick<IngestorMetrics, "lag">;
  /** In milliseconds, from any moment on. */
  readonly now?: () => number;
}

/** Whether what waits is ingested: a consumer that lives, and even one that answers its group, may have stopped fetching. */
export interface Progress {
  /** Asks Kafka where the logs end, and notes which partitions have something to ingest. To be called regularly. */
  look(): Promise<void>;
  /** The partition that has stood longest with records behind its position, in words, once that is over a minute. */
  describeStandstill(): string | undefined;
}

/** A batch takes milliseconds, and what waits for PostgreSQL longer than five seconds is an outage that is told as such. */
const STANDSTILL_MS = 60_000;

/** Where a partition was seen to stand, and since when records have waited there. */
interface Standing {
  readonly partition: number;
  readonly offset: bigint;
  readonly waiting: bigint;
  readonly since: number;
}

export function createProgress(deps: ProgressDeps): Progress {
  const { topic, admin, assignment, metrics, now = () => performance.now() } = deps;
  let standings: readonly Standing[] = [];

  const look = async (): Promise<void> => {
    const before = new Map(standings.map((standing) => [standing.partition, standing]));
    // Where Kafka does not answer, nobody can tell: an outage is no standstill, and what comes after it begins anew.
    standings = [];
    const ends = await admin.fetchTopicOffsets(topic);
    standings = assignment.all().map(({ partition, seenOffset: offset }) => {
      const end = BigInt(ends.find((each) => each.partition === partition)?.high ?? offset);
      const waiting = end > offset ? end - offset : 0n;
      metrics.lag.set({ partition }, Number(waiting));
      const last = before.get(partition);
      const hasWaited = last !== undefined && last.offset === offset && last.waiting > 0n;
      return { partition, offset, waiting, since: hasWaited ? last.since : now() };
    });
  };

  return {
    look,
    describeStandstill: () => {
      const stuck = standings.filter(
        ({ partition, offset, waiting, since }) =>
          waiting > 0n && assignment.get(partition)?.seenOffset === offset && now() - since > STANDSTILL_MS,
      );
      const [longest] = stuck.toSorted((a, b) => a.since - b.since);
      if (!longest) return undefined;
      const { partition, offset, waiting, since } = longest;
      return `partition ${partition} has stood at offset ${offset} for ${Math.round((now() - since) / 1_000)} s, with ${waiting} offsets to ingest`;
    },
  };
}
