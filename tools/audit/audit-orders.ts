import type { Admin, Kafka } from "kafkajs";
import { deadLetterId } from "../../ingestor/dead-letter";
import { type JudgedRecord, judgeMessage } from "../../ingestor/judged-record";
import type { LogBounds } from "../../ingestor/open-positions";
import { type WalkedRange, walkTopic } from "../walk-topic";
import { compareRange } from "./compare-range";
import type { Differences } from "./differences";
import type { Ledger } from "./ledger";

export interface AuditOrdersDeps {
  readonly kafka: Kafka;
  readonly admin: Pick<Admin, "deleteGroups">;
  readonly ledger: Ledger;
  readonly topic: string;
  readonly epoch: number;
  /** The ends to walk to, and per partition the offset up to which there have to be rows. */
  readonly bounds: readonly LogBounds[];
  readonly positions: ReadonlyMap<number, bigint>;
  readonly differences: Differences;
  readonly onProgress: (offsets: bigint) => void;
}

/** What the log was found to hold of a partition. */
export interface PartitionFindings {
  stored: bigint;
  dead: bigint;
  duplicate: bigint;
  /** Records at and behind the position. */
  lag: bigint;
  /** Where the first range began: 0 if the log was seen from its very beginning. */
  begin: bigint;
}

/** Walks what the log still holds and compares every record with PostgreSQL, and every row with the log. */
export async function auditOrders(deps: AuditOrdersDeps): Promise<ReadonlyMap<number, PartitionFindings>> {
  const findings = new Map<number, PartitionFindings>();
  for (const { partition, low } of deps.bounds) {
    findings.set(partition, { stored: 0n, dead: 0n, duplicate: 0n, lag: 0n, begin: low });
  }
  const next = new Map<number, bigint>();
  await walkTopic(deps.kafka, deps.admin, {
    topic: deps.topic,
    bounds: deps.bounds,
    onRange: async (range) => {
      const found = findings.get(range.partition);
      if (!found) return;
      // Kafka has deleted what was to be read next: then nothing is known of what was before.
      if (range.from > (next.get(range.partition) ?? found.begin)) found.begin = range.from;
      next.set(range.partition, range.to);
      await auditRange(range, found, deps);
      deps.onProgress(range.to - range.from);
    },
  });
  return findings;
}

async function auditRange(range: WalkedRange, found: PartitionFindings, deps: AuditOrdersDeps): Promise<void> {
  const { partition, from } = range;
  const position = deps.positions.get(partition) ?? 0n;
  const to = range.to < position ? range.to : position;
  const ingested: JudgedRecord[] = [];
  for (const message of range.messages) {
    if (BigInt(message.offset) < position) ingested.push(judgeMessage(message, 0n));
    else found.lag += 1n;
  }
  if (from >= to) return;
  const place = { topic: deps.topic, epoch: deps.epoch, partition };
  const rows = { ...place, from, to };
  const compared = compareRange(place, ingested, await deps.ledger.readOrders(rows), await deps.ledger.readDead(rows));
  deps.differences.add(...compared.differences);
  found.stored += BigInt(compared.stored);
  found.dead += BigInt(compared.dead);

  const meanings = await deps.ledger.compareMeanings(compared.others);
  for (const [index, { offset }] of compared.others.entries()) {
    if (meanings[index] === "same") {
      found.duplicate += 1n;
      continue;
    }
    const detail =
      meanings[index] === "other"
        ? "a valid order whose id another order has: neither stored nor in the outbox"
        : "a valid order, neither stored nor in the outbox";
    deps.differences.add({ kind: "lost", at: deadLetterId({ ...place, offset }), detail });
  }
}
