import type { Acknowledgement, Send } from "./sends-file";

/** What a dead letter has to have of its record. */
interface Content {
  /** Of its value; null for a record without one. */
  readonly sha256: string | null;
  /** Of its key, its timestamp, and its headers in their order, but for those that a dead letter adds. */
  readonly envelope: string;
}

/** A record of the topic of orders, as the log has it in the end. */
export interface LogRecord extends Content {
  readonly partition: number;
  readonly offset: number;
  /** The publisher's number of it; undefined: somebody else's. */
  readonly n: number | undefined;
  /** The `x-dlq-id` that it came with, brought back; undefined: it is no dead letter that was brought back. */
  readonly claim: string | undefined;
  /** The `x-dlq-replays` that it came with: which bringing back of it this is. */
  readonly replay: string | undefined;
}

/** A dead letter as the dead-letter topic has it. */
export interface Letter extends Content {
  /** x-dlq-id. */
  readonly id: string;
  /** Where the record stood. */
  readonly partition: number;
  readonly offset: number;
}

/** Everything that is left of a run. */
export interface Outcome {
  readonly sends: readonly Send[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly log: readonly LogRecord[];
  readonly letters: readonly Letter[];
  /** What the ids of dead letters begin with: the topic's name and its one epoch, a colon between. */
  readonly life: string;
  /** Orders in PostgreSQL by id: the digest of the document, computed by PostgreSQL. */
  readonly stored: ReadonlyMap<string, string>;
  /** Records that PostgreSQL says to have received, by partition. */
  readonly received: ReadonlyMap<number, number>;
}

export interface Comparison {
  /** Orders and poison that Kafka has acknowledged. */
  readonly orders: number;
  readonly poison: number;
  /** Acknowledged orders that PostgreSQL does not have, and records of the log that nobody has received. */
  readonly lost: number;
  /** Records that were received more than once, and dead letters that were brought back more than once in one go. */
  readonly twice: number;
  /** Orders that PostgreSQL has, and records that the log has, brought back or not, with other bytes than were published. */
  readonly wrongBytes: number;
  /** Orders that PostgreSQL has and nobody has published: poison that was stored, say. */
  readonly unfounded: number;
  /** Records that are no orders, without a dead letter of the same content under the right id. */
  readonly dlqMissing: number;
  /** Dead letters of records that are orders or that never were, and those of another content or id than they have to have. */
  readonly dlqExtra: number;
  /** Second copies of a dead letter, with the same id and content. Allowed. */
  readonly redelivered: number;
}

/** Compares what was published with what became of it. Pure. */
export function compare(outcome: Outcome): Comparison {
  const sends = new Map(outcome.sends.map((send) => [send.n, send]));
  const acknowledged = outcome.acknowledgements.flatMap(({ n }) => sends.get(n) ?? []);
  const orders = acknowledged.filter(({ kind }) => kind === "order");
  const published = new Set(outcome.sends.flatMap(({ kind, id }) => (kind === "order" ? [id] : [])));
  return {
    orders: orders.length,
    poison: acknowledged.filter(isPoison).length,
    lost:
      orders.filter(({ id }) => !outcome.stored.has(id)).length + countUnlogged(outcome) + countReceived(outcome, -1),
    twice: countReceived(outcome, +1) + countBroughtBackAgain(outcome.log),
    wrongBytes:
      orders.filter(({ id, sha256 }) => isOther(outcome.stored.get(id), sha256)).length +
      outcome.log.filter(({ n = -1, sha256 }) => sends.has(n) && sends.get(n)?.sha256 !== sha256).length,
    unfounded: [...outcome.stored.keys()].filter((id) => !published.has(id)).length,
    ...compareLetters(outcome, sends),
  };
}

function isPoison({ kind }: Send): boolean {
  return kind === "poison" || kind === "conflict";
}

function isOther(stored: string | undefined, published: string | null): boolean {
  return stored !== undefined && stored !== published;
}

const placeOf = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}:${offset}`;

/** Acknowledged records that Kafka itself does not have where it said. */
function countUnlogged({ acknowledgements, log }: Outcome): number {
  const places = new Map(log.map((record) => [placeOf(record), record.n]));
  return acknowledgements.filter((each) => places.get(placeOf(each)) !== each.n).length;
}

/**
 * By how many records PostgreSQL's count is above (+1) or below (-1) the log's, over all partitions. A count has no
 * offsets: in one partition a record that was lost and one that was received twice hide each other here. What
 * is lost shows all the same: an order is not stored then, a dead letter is missing, and the audit goes by offsets.
 */
function countReceived({ log, received }: Outcome, direction: 1 | -1): number {
  const logged = new Map<number, number>();
  for (const { partition } of log) logged.set(partition, (logged.get(partition) ?? 0) + 1);
  const partitions = new Set([...logged.keys(), ...received.keys()]);
  return [...partitions].reduce((sum, partition) => {
    const difference = (received.get(partition) ?? 0) - (logged.get(partition) ?? 0);
    return sum + Math.max(0, difference * direction);
  }, 0);
}

/** Each bringing back of a letter is one record, whoever was killed on the way. */
function countBroughtBackAgain(log: readonly LogRecord[]): number {
  const names = log.flatMap(({ claim, replay }) => (claim === undefined ? [] : [`${claim} ${replay}`]));
  return names.length - new Set(names).size;
}

function compareLetters(
  { log, letters, life }: Outcome,
  sends: ReadonlyMap<number, Send>,
): Pick<Comparison, "dlqMissing" | "dlqExtra" | "redelivered"> {
  const poison = log.filter(({ n = -1 }) => {
    const send = sends.get(n);
    return send !== undefined && isPoison(send);
  });
  const expected = new Map(poison.map((record) => [placeOf(record), record]));
  const delivered = new Set<string>();
  const counts = { dlqExtra: 0, redelivered: 0 };
  for (const letter of letters) {
    const place = placeOf(letter);
    const record = expected.get(place);
    if (record === undefined || !isLetterOf(record, letter, life)) counts.dlqExtra += 1;
    else if (delivered.has(place)) counts.redelivered += 1;
    else delivered.add(place);
  }
  return { ...counts, dlqMissing: expected.size - delivered.size };
}

/** A record that was brought back keeps the name of its first failure. */
function isLetterOf(record: LogRecord, letter: Letter, life: string): boolean {
  const id = record.claim ?? `${life}:${placeOf(record)}`;
  return letter.id === id && letter.sha256 === record.sha256 && letter.envelope === record.envelope;
}
