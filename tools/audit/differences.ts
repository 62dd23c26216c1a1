/** What can be wrong. The words are stable: programs may look for them. */
export const differenceKinds = {
  counter: "a position's counter is not what the rows or the records say",
  position: "a position does not fit its log",
  lost: "a record is neither stored nor a duplicate nor dead-lettered",
  altered: "an order or a row of the outbox is not what its record says",
  twice: "a record is stored and dead-lettered",
  unfounded: "a row's record is not in the log, though the log still holds its offset",
  ledger: "the ledger of the replays says of a record what it is not, or what did not become of it",
  undelivered: "a dead letter still waits in the outbox",
  refused: "Kafka does not take a dead letter",
  "letter-missing": "a dead letter that was delivered is not in the dead-letter topic",
  "letter-altered": "a dead letter is not what its row of the outbox says",
  "letter-earlier": "more dead letters are of an earlier life of the database than it is to be believed (--earlier)",
  "letter-forged": "a dead letter has no row in the outbox, and is of no earlier life of the database",
} as const;

export type DifferenceKind = keyof typeof differenceKinds;

export interface Difference {
  readonly kind: DifferenceKind;
  /** topic:epoch:partition:offset of a record, the same without offset for a position and without partition for a life, topic:partition:offset of a letter. */
  readonly at: string;
  /** In words. Never a value of an order: it is personal. */
  readonly detail: string;
}

/** Counts all differences and keeps the first ones, so that an audit of anything takes a bounded memory. */
export class Differences {
  readonly #kept: Difference[] = [];
  readonly #counts = new Map<DifferenceKind, number>();

  constructor(private readonly limit: number) {}

  add(...differences: readonly Difference[]): void {
    for (const difference of differences) {
      this.#counts.set(difference.kind, (this.#counts.get(difference.kind) ?? 0) + 1);
      if (this.#kept.length < this.limit) this.#kept.push(difference);
    }
  }

  get kept(): readonly Difference[] {
    return this.#kept;
  }

  /** How many there are of each kind, kept or not. */
  get counts(): ReadonlyMap<DifferenceKind, number> {
    return this.#counts;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
