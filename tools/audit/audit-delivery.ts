import type { Admin, Kafka } from "kafkajs";
import { deadLetterId } from "../../ingestor/dead-letter";
import type { Prisma } from "../../prisma/client";
import { countProgress, type OnProgress, readLogBounds } from "../walk-topic";
import { auditLetters } from "./audit-letters";
import { checkDelivery } from "./check-books";
import type { Differences } from "./differences";
import type { Ledger, UndeliveredRow } from "./ledger";
import { measurePurge } from "./measure-purge";

export interface AuditDeliveryDeps {
  readonly ledger: Ledger;
  readonly prisma: Prisma;
  readonly kafka: Kafka;
  readonly admin: Pick<Admin, "deleteGroups" | "fetchTopicOffsets">;
  readonly topic: string;
  readonly dlqTopic: string;
  /** So many letters of an earlier life of the database are believed; undefined: any number. */
  readonly mostEarlier?: number | undefined;
  readonly differences: Differences;
  readonly say: (text: string) => void;
  readonly onProgress: OnProgress;
}

/** What the audit has come to of dead letters that only Kafka or only PostgreSQL has, and that are no difference. */
export interface AuditedLetters {
  /** Delivered ones that Kafka has deleted since. */
  readonly purged: number;
  /** Of an earlier life of the database, which has no rows of them. */
  readonly earlier: number;
}

/** Whether a row came in before the audit began. */
export type IsCovered = (row: Pick<UndeliveredRow, "epoch" | "partition" | "offset">) => boolean;

/**
 * Every row of the outbox has its dead letter in Kafka, or is named; and the other way round. Where the dead-letter topic
 * was cut, the oldest rows are excused: as many as Kafka may have deleted, and none that failed after what it has deleted.
 *
 * @param waitingBefore the rows that were not delivered before the ends of the dead-letter topic were asked for: their
 *   dead letters may have come behind these ends since
 */
export async function auditDelivery(
  waitingBefore: readonly UndeliveredRow[],
  isCovered: IsCovered,
  deps: AuditDeliveryDeps,
): Promise<AuditedLetters> {
  const { ledger, topic, dlqTopic, differences } = deps;
  const bounds = await readLogBounds(deps.admin, dlqTopic);
  const { found, oldestHeld, earlier } = await auditLetters({
    ...deps,
    bounds,
    onProgress: countProgress(dlqTopic, bounds, deps.onProgress),
  });
  differences.add(...checkDelivery(topic, (await ledger.readUndelivered(topic)).filter(isCovered)));

  if (earlier > 0)
    deps.say(`${earlier} dead letters are of an earlier life of the database, which has no rows of them`);
  if (earlier > (deps.mostEarlier ?? earlier)) {
    const detail = `${earlier} dead letters look like ones of an earlier life of the database, not ${deps.mostEarlier}`;
    differences.add({ kind: "letter-earlier", at: dlqTopic, detail });
  }

  const { most, until } = measurePurge(bounds, await readLogBounds(deps.admin, dlqTopic), oldestHeld);
  const waiting = new Set(waitingBefore.map(({ id }) => id));
  let purged = 0;
  for await (const row of ledger.readOutboxIds(topic)) {
    if (found.has(row.id) || waiting.has(row.id) || row.refusal !== null || !isCovered(row)) continue;
    if (purged < most && row.failedAt <= (until ?? row.failedAt)) purged++;
    else
      differences.add({ kind: "letter-missing", at: deadLetterId({ topic, ...row }), detail: `outbox row ${row.id}` });
  }
  if (purged > 0) deps.say(`${purged} dead letters are not in ${dlqTopic} any more: Kafka has deleted its oldest`);
  return { purged, earlier };
}
