import type { Admin, Kafka, KafkaMessage } from "kafkajs";
import {
  type DeadLetterInfo,
  deadLetterId,
  type ReplayClaim,
  readDeadLetterHeaders,
  readReplayClaim,
  withoutDeadLetterHeaders,
} from "../../ingestor/dead-letter";
import { toMessage } from "../../ingestor/deliver";
import type { LogBounds } from "../../ingestor/open-positions";
import type { Prisma } from "../../prisma/client";
import { encodeHeaders, headersOf, listOf } from "../../runtime/kafka/headers";
import { type WalkedRange, walkTopic } from "../walk-topic";
import { digestOf, isSame } from "./compare-range";
import type { Difference, Differences } from "./differences";
import type { Ledger } from "./ledger";

export interface AuditLettersDeps {
  readonly kafka: Kafka;
  readonly admin: Pick<Admin, "deleteGroups">;
  readonly ledger: Ledger;
  readonly prisma: Prisma;
  /** The topic whose dead letters are audited; those of others are passed over. */
  readonly topic: string;
  readonly dlqTopic: string;
  readonly bounds: readonly LogBounds[];
  readonly differences: Differences;
  readonly onProgress: (offsets: bigint) => void;
}

/** A dead letter, and what its headers say. */
interface NamedLetter {
  readonly message: KafkaMessage;
  readonly info: DeadLetterInfo;
  /** Its place in the dead-letter topic, in words. */
  readonly at: string;
  readonly dlqPartition: number;
}

/** What a row's dead letter has to be; digests in place of key and value. */
interface ExpectedLetter {
  readonly rowId: number;
  readonly info: DeadLetterInfo | undefined;
  readonly failedAt: Date;
  /** When the row was last marked as delivered. */
  readonly deliveredAt: Date | null;
  /** Which dead letter the record itself says that it is, brought back. */
  readonly claim: ReplayClaim | undefined;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: string;
  readonly ownHeaders: Buffer;
}

/** What the letters that were come to have told. */
interface Findings {
  /** Rows of the outbox whose dead letters were found. */
  readonly found: Set<number>;
  /** Per partition of the dead-letter topic, when its first letter of a delivered row was marked as delivered. */
  readonly oldestHeld: Map<number, Date>;
  /** Per partition of the dead-letter topic, when the last one of its letters of rows failed. */
  readonly lastFailed: Map<number, Date>;
  /** Of rows without one so far: what is different about a letter of the same name and bytes. */
  readonly differing: Map<number, Difference>;
  /** Partitions of the dead-letter topic in which something of this database was come to. */
  readonly begun: Set<number>;
  /** Letters of a life of the database that it no longer knows. */
  earlier: number;
}

/**
 * Walks the dead-letter topic and compares every dead letter of the topic with its row of the outbox. Copies are
 * allowed, and need not agree on when and in which words it failed, as long as one does: a restored database that
 * ingested a record again has other ones, and both are right.
 *
 * A letter that no row knows is a forged one, unless it is certain that an earlier life of the database has written it:
 * - It is a row's record, byte for byte, under the name that the record claims, or that its place had in another epoch:
 *   the database was restored, and its ledger or its epochs went back. Then it failed before the row did, and stands in
 *   front of all that has failed since.
 * - It failed before this database first saw the topic, and stands in front of all that this database has put there.
 *   Whoever forges can write any time, but only at the end.
 *
 * @returns the rows of the outbox whose dead letters were found, how old the first ones are, and how many letters are of
 *   an earlier life
 */
export async function auditLetters(
  deps: AuditLettersDeps,
): Promise<Readonly<Pick<Findings, "found" | "oldestHeld" | "earlier">>> {
  const findings: Findings = {
    ...{ found: new Set(), oldestHeld: new Map(), lastFailed: new Map(), differing: new Map() },
    ...{ begun: new Set(), earlier: 0 },
  };
  const birth = await deps.ledger.readBirth(deps.topic);
  await walkTopic(deps.kafka, deps.admin, {
    topic: deps.dlqTopic,
    bounds: deps.bounds,
    onRange: async (range) => {
      const letters = nameLetters(range, deps);
      const expected = await readExpected(letters, deps);
      for (const letter of letters) {
        const difference = compareLetter(letter, expected.get(placeOf(letter.info)) ?? [], birth, findings);
        if (difference) deps.differences.add(difference);
      }
      deps.onProgress(range.to - range.from);
    },
  });
  deps.differences.add(...findings.differing.values());
  return findings;
}

function nameLetters(range: WalkedRange, { topic, dlqTopic, differences }: AuditLettersDeps): NamedLetter[] {
  return range.messages.flatMap((message): NamedLetter[] => {
    const info = readDeadLetterHeaders(headersOf(message));
    if (info && info.topic !== topic) return [];
    const at = `${dlqTopic}:${range.partition}:${message.offset}`;
    if (info) return [{ message, info, at, dlqPartition: range.partition }];
    differences.add({ kind: "letter-forged", at, detail: "its headers do not say which record it was" });
    return [];
  });
}

/** By partition and offset of the record; the lives of a topic may have several each. */
async function readExpected(
  letters: readonly NamedLetter[],
  { ledger, prisma, topic }: AuditLettersDeps,
): Promise<ReadonlyMap<string, readonly ExpectedLetter[]>> {
  const places = letters.map(({ info }) => info);
  const digests = new Map((await ledger.findLetterRows(topic, places)).map((row) => [row.id, row]));
  const rows = await prisma.outboxRow.findMany({
    where: { id: { in: [...digests.keys()] } },
    omit: { key: true, value: true },
  });
  const delivered = await prisma.deliveredRow.findMany({ where: { id: { in: [...digests.keys()] } } });
  const deliveredAt = new Map(delivered.map((row) => [row.id, row.deliveredAt]));
  const expected = new Map<string, ExpectedLetter[]>();
  for (const row of rows) {
    const { key = null, value = null } = digests.get(row.id) ?? {};
    const { headers = {}, timestamp = "" } = toMessage({ ...row, key: null, value: null });
    const list = listOf(headers);
    const place = placeOf(row);
    const letter = {
      ...{ rowId: Number(row.id), info: readDeadLetterHeaders(list), key, value, timestamp },
      ...{ failedAt: row.failedAt, deliveredAt: deliveredAt.get(row.id) ?? null },
      claim: readReplayClaim(Buffer.from(row.headers)),
      ownHeaders: encodeHeaders(withoutDeadLetterHeaders(list)),
    };
    expected.set(place, [...(expected.get(place) ?? []), letter]);
  }
  return expected;
}

function placeOf({ partition, offset }: Pick<DeadLetterInfo, "partition" | "offset">): string {
  return `${partition}:${offset}`;
}

/** @param rows those of the record's place, in any life of the topic */
function compareLetter(
  letter: NamedLetter,
  rows: readonly ExpectedLetter[],
  birth: Date | undefined,
  findings: Findings,
): Difference | undefined {
  const { info, message, at, dlqPartition } = letter;
  const lastFailed = findings.lastFailed.get(dlqPartition) ?? new Date(0);
  const isYoung = birth !== undefined && info.failedAt >= birth;
  const named = rows.filter((row) => row.info?.id === info.id);
  const same = rows.filter((row) => findAlteredParts(message, row).length === 0);
  const ofRow = same.filter((row) => named.includes(row));
  const exact = ofRow.filter((row) => findAlteredWords(info, row).length === 0);
  // The lives of a topic may have one record each of the same name: as many letters as rows are wanted.
  const credited = exact.find(({ rowId }) => !findings.found.has(rowId)) ?? exact[0];
  if (credited) {
    findings.found.add(credited.rowId);
    findings.differing.delete(credited.rowId);
    if (credited.deliveredAt && !findings.oldestHeld.has(dlqPartition))
      findings.oldestHeld.set(dlqPartition, credited.deliveredAt);
    if (isYoung) findings.begun.add(dlqPartition);
    if (info.failedAt > lastFailed) findings.lastFailed.set(dlqPartition, info.failedAt);
    return undefined;
  }
  const [copied] = ofRow;
  if (copied) {
    const detail = `x-dlq-id ${shorten(info.id)} has another ${findAlteredWords(info, copied).join(", ")} than its row of the outbox`;
    if (!findings.found.has(copied.rowId)) findings.differing.set(copied.rowId, { kind: "letter-altered", at, detail });
    return undefined;
  }
  const isEarlier = (row: ExpectedLetter): boolean => info.failedAt < row.failedAt && lastFailed < row.failedAt;
  if (
    same.some((row) => isEarlier(row) && isEarlierName(info, row)) ||
    !(isYoung || findings.begun.has(dlqPartition))
  ) {
    findings.earlier++;
    return undefined;
  }
  const [first] = named;
  if (!first) {
    return { kind: "letter-forged", at, detail: `the outbox has no row for x-dlq-id ${shorten(info.id)}` };
  }
  const parts = findAlteredParts(message, first).join(", ");
  return {
    kind: "letter-altered",
    at,
    detail: `x-dlq-id ${shorten(info.id)} has another ${parts} than its row of the outbox`,
  };
}

/** The name that the record had while the ledger knew of its being brought back, or in an epoch of another number. */
function isEarlierName({ id, replays, topic, partition, offset }: DeadLetterInfo, { claim }: ExpectedLetter): boolean {
  if (claim?.id === id && claim.replay === replays) return true;
  const [, epoch] = id.slice(topic.length).split(":");
  return replays === 0 && id === deadLetterId({ topic, epoch: Number(epoch), partition, offset });
}

/** A conflict's words name the other order's place, which is another one where partitions were ingested in another order. */
function findAlteredWords(info: DeadLetterInfo, row: ExpectedLetter): string[] {
  const parts = {
    reason: info.reason === row.info?.reason,
    errors: info.reason === "conflict" || info.errors === row.info?.errors,
    replays: info.replays === row.info?.replays,
  };
  return Object.entries(parts).flatMap(([name, isRight]) => (isRight ? [] : [name]));
}

function findAlteredParts(message: KafkaMessage, row: ExpectedLetter): string[] {
  const parts = {
    key: isSame(digestOf(message.key), row.key),
    value: isSame(digestOf(message.value), row.value),
    headers: encodeHeaders(withoutDeadLetterHeaders(headersOf(message))).equals(row.ownHeaders),
    timestamp: message.timestamp === row.timestamp,
  };
  return Object.entries(parts).flatMap(([name, isRight]) => (isRight ? [] : [name]));
}

/** A forged id may be anything, of any length. */
function shorten(id: string): string {
  const printable = JSON.stringify(id);
  return printable.length <= 120 ? printable : `${printable.slice(0, 120)}…`;
}
