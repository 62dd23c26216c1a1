import type { Admin, Kafka } from "kafkajs";
import { deadLetterId, readReplayClaim } from "../../ingestor/dead-letter";
import { type AcceptedRecord, contentDigestOf, type JudgedRecord, judgeMessage } from "../../ingestor/judged-record";
import type { LogBounds } from "../../ingestor/open-positions";
import { type LastRecord, lastRecordOf } from "../../ingestor/store-batch";
import { type WalkedRange, walkTopic } from "../walk-topic";
import { compareRange, type RangeComparison } from "./compare-range";
import type { Difference, DifferenceKind, Differences } from "./differences";
import type { Ledger, ReplayRow } from "./ledger";

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
  /** The last record before the position, if there is one that it can be known by. */
  lastRecord: LastRecord | undefined;
  /** Whether any record before the position was come to. */
  isSeen: boolean;
  /** Where the first range began: 0 if the log was seen from its very beginning. */
  begin: bigint;
}

/** Walks what the log still holds and compares every record with PostgreSQL, and every row with the log. */
export async function auditOrders(deps: AuditOrdersDeps): Promise<ReadonlyMap<number, PartitionFindings>> {
  const findings = new Map<number, PartitionFindings>();
  for (const { partition, low } of deps.bounds) {
    const nothing = { stored: 0n, dead: 0n, duplicate: 0n, lag: 0n, lastRecord: undefined, isSeen: false };
    findings.set(partition, { ...nothing, begin: low });
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
  if (ingested.length > 0) {
    found.isSeen = true;
    found.lastRecord = lastRecordOf(ingested);
  }
  const place = { topic: deps.topic, epoch: deps.epoch, partition };
  const rows = { ...place, from, to };
  const compared = compareRange(place, ingested, await deps.ledger.readOrders(rows), await deps.ledger.readDead(rows));
  deps.differences.add(...compared.differences);
  deps.differences.add(...checkReplays(deps.topic, await deps.ledger.readReplays(rows), ingested));
  found.stored += BigInt(compared.stored);
  found.dead += BigInt(compared.dead);
  found.duplicate += await auditMeanings(place, compared, deps);
}

/** Looks at what rests on the order that is stored under a record's id. @returns how many duplicates there are */
async function auditMeanings(
  place: { readonly topic: string; readonly epoch: number; readonly partition: number },
  { others, conflicts }: RangeComparison,
  { ledger, differences }: AuditOrdersDeps,
): Promise<bigint> {
  const tell = (kind: DifferenceKind, { offset }: AcceptedRecord, detail: string): void => {
    differences.add({ kind, at: deadLetterId({ ...place, offset }), detail });
  };
  let duplicates = 0n;
  const meanings = await ledger.compareMeanings(others);
  for (const [index, record] of others.entries()) {
    if (meanings[index] === "same") duplicates += 1n;
    else if (meanings[index] === "absent") tell("lost", record, "a valid order, neither stored nor in the outbox");
    else tell("lost", record, "a valid order whose id another order has: neither stored nor in the outbox");
  }
  const opposites = await ledger.compareMeanings(conflicts);
  for (const [index, record] of conflicts.entries()) {
    if (opposites[index] !== "other") {
      tell("altered", record, "the outbox says conflict, and no order of another meaning has its id");
    }
  }
  return duplicates;
}

/** What the ledger says to have been sent to a place has to stand there, and say so. Pure. */
function checkReplays(topic: string, rows: readonly ReplayRow[], records: readonly JudgedRecord[]): Difference[] {
  const byOffset = new Map(records.map((record) => [record.offset, record]));
  return rows.flatMap((row): Difference[] => {
    const record = byOffset.get(row.offset);
    const claim = record && readReplayClaim(record.headerBytes);
    const isNamed = claim?.id === row.id && claim.replay === row.replay;
    const isThere = record && isNamed && contentDigestOf(record).equals(row.digest);
    const detail = `the ledger has replay ${row.replay} of ${row.id} here, and the record is another one, or none`;
    return isThere ? [] : [{ kind: "ledger", at: deadLetterId({ topic, ...row }), detail }];
  });
}
