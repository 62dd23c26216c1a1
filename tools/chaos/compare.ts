import type { Acknowledgement, Send } from "./sends-file";

/** A record of the topic of orders, as the log has it in the end. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  /** The publisher's number of it; undefined: somebody else's. */
  readonly n: number | undefined;
  /** Of its value; null for a record without one. */
  readonly sha256: string | null;
}

/** A dead letter as the dead-letter topic has it. */
export interface Letter {
  /** x-dlq-id. */
  readonly id: string;
  /** Where the record stood. */
  readonly partition: number;
  readonly offset: number;
  readonly sha256: string | null;
}

/** Everything that is left of a run. */
export interface Outcome {
  readonly sends: readonly Send[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly log: readonly LogRecord[];
  readonly letters: readonly Letter[];
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
  /** Records that were received more than once. */
  readonly twice: number;
  /** Orders that PostgreSQL has with other bytes than were published. */
  readonly wrongBytes: number;
  /** Records that are no orders, without a dead letter of the same bytes. */
  readonly dlqMissing: number;
  /** Dead letters of records that are orders or that never were, and dead letters of one record under several ids. */
  readonly dlqExtra: number;
  /** Second copies of a dead letter, with the same id. Allowed. */
  readonly redelivered: number;
}

/** Compares what was published with what became of it. Pure. */
export function compare(outcome: Outcome): Comparison {
  const sends = new Map(outcome.sends.map((send) => [send.n, send]));
  const acknowledged = outcome.acknowledgements.flatMap(({ n }) => sends.get(n) ?? []);
  const orders = acknowledged.filter(({ kind }) => kind === "order");
  return {
    orders: orders.length,
    poison: acknowledged.filter(isPoison).length,
    lost:
      orders.filter(({ id }) => !outcome.stored.has(id)).length + countUnlogged(outcome) + countReceived(outcome, -1),
    twice: countReceived(outcome, +1),
    wrongBytes: orders.filter(({ id, sha256 }) => isOther(outcome.stored.get(id), sha256)).length,
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

function compareLetters(
  { log, letters }: Outcome,
  sends: ReadonlyMap<number, Send>,
): Pick<Comparison, "dlqMissing" | "dlqExtra" | "redelivered"> {
  const poison = log.filter(({ n = -1 }) => {
    const send = sends.get(n);
    return send !== undefined && isPoison(send);
  });
  const missing = new Map(poison.map((record) => [placeOf(record), record]));
  const delivered = new Map<string, string>();
  const counts = { dlqMissing: 0, dlqExtra: 0, redelivered: 0 };
  for (const letter of letters) {
    const place = placeOf(letter);
    const earlier = delivered.get(place);
    const record = missing.get(place);
    if (earlier !== undefined) counts[earlier === letter.id ? "redelivered" : "dlqExtra"] += 1;
    else if (record === undefined || record.sha256 !== letter.sha256) counts.dlqExtra += 1;
    else {
      delivered.set(place, letter.id);
      missing.delete(place);
    }
  }
  return { ...counts, dlqMissing: missing.size };
}
