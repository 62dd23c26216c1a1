import type { Admin, Kafka, KafkaMessage } from "kafkajs";
import { readDeadLetterHeaders, withoutDeadLetterHeaders } from "../../ingestor/dead-letter";
import { toMessage } from "../../ingestor/deliver";
import type { LogBounds } from "../../ingestor/open-positions";
import type { Prisma } from "../../prisma/client";
import { encodeHeaders, headersOf, listOf } from "../../runtime/kafka/headers";
import { type WalkedRange, walkTopic } from "../walk-topic";
import { digestOf, isSame } from "./compare-range";
import type { Differences } from "./differences";
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

/** A dead letter by its record, as its headers name it. */
interface NamedLetter {
  readonly message: KafkaMessage;
  readonly id: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** What a row's dead letter has to be; digests in place of key and value. */
interface ExpectedLetter {
  readonly rowId: number;
  readonly id: string | undefined;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: string;
  readonly ownHeaders: Buffer;
}

const LARGEST_PARTITION = 2 ** 31 - 1;
const LARGEST_OFFSET = 2n ** 63n - 1n;

/**
 * Walks the dead-letter topic and compares every dead letter of the topic with its row of the outbox. Copies are
 * allowed. When it failed is not compared, nor the mistakes' words: a restored database that ingested a record again
 * has other ones, and both copies are right.
 *
 * @returns the rows of the outbox whose dead letters were found
 */
export async function auditLetters(deps: AuditLettersDeps): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  await walkTopic(deps.kafka, deps.admin, {
    topic: deps.dlqTopic,
    bounds: deps.bounds,
    onRange: async (range) => {
      const letters = nameLetters(range, deps);
      const expected = await readExpected(letters, deps);
      for (const letter of letters) compareLetter(letter, expected, range.partition, found, deps);
      deps.onProgress(range.to - range.from);
    },
  });
  return found;
}

function nameLetters(range: WalkedRange, { topic, dlqTopic, differences }: AuditLettersDeps): NamedLetter[] {
  return range.messages.flatMap((message): NamedLetter[] => {
    const info = readDeadLetterHeaders(headersOf(message));
    if (info && info.topic !== topic) return [];
    if (info && info.partition <= LARGEST_PARTITION && info.offset <= LARGEST_OFFSET) {
      return [{ message, id: info.id, partition: info.partition, offset: info.offset }];
    }
    const at = `${dlqTopic}:${range.partition}:${message.offset}`;
    differences.add({ kind: "letter-forged", at, detail: "its headers do not say which record it was" });
    return [];
  });
}

/** By partition and offset of the record; the lives of a topic may have several each. */
async function readExpected(
  letters: readonly NamedLetter[],
  { ledger, prisma, topic }: AuditLettersDeps,
): Promise<ReadonlyMap<string, readonly ExpectedLetter[]>> {
  const digests = new Map((await ledger.findLetterRows(topic, letters)).map((row) => [row.id, row]));
  const rows = await prisma.outboxRow.findMany({
    where: { id: { in: [...digests.keys()] } },
    omit: { key: true, value: true },
  });
  const expected = new Map<string, ExpectedLetter[]>();
  for (const row of rows) {
    const { key = null, value = null } = digests.get(row.id) ?? {};
    const { headers = {}, timestamp = "" } = toMessage({ ...row, key: null, value: null });
    const list = listOf(headers);
    const place = `${row.partition}:${row.offset}`;
    const letter = {
      ...{ rowId: Number(row.id), id: readDeadLetterHeaders(list)?.id, key, value, timestamp },
      ownHeaders: encodeHeaders(withoutDeadLetterHeaders(list)),
    };
    expected.set(place, [...(expected.get(place) ?? []), letter]);
  }
  return expected;
}

function compareLetter(
  { message, id, partition, offset }: NamedLetter,
  expected: ReadonlyMap<string, readonly ExpectedLetter[]>,
  dlqPartition: number,
  found: Set<number>,
  { dlqTopic, differences }: AuditLettersDeps,
): void {
  const at = `${dlqTopic}:${dlqPartition}:${message.offset}`;
  const candidates = (expected.get(`${partition}:${offset}`) ?? []).filter((row) => row.id === id);
  let altered: string[] = [];
  for (const row of candidates) {
    altered = findAlteredParts(message, row);
    if (altered.length > 0) continue;
    found.add(row.rowId);
    return;
  }
  if (candidates.length === 0) {
    differences.add({ kind: "letter-forged", at, detail: `the outbox has no row for x-dlq-id ${shorten(id)}` });
  } else {
    const detail = `x-dlq-id ${shorten(id)} has another ${altered.join(", ")} than its row of the outbox`;
    differences.add({ kind: "letter-altered", at, detail });
  }
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
