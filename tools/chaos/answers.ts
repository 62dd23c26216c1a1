import type { KnownOrder } from "./known-orders";

/** What the asker found out. `unread`: orders that a reader had not answered with in the end. */
export interface Findings {
  /** Questions that were answered at all. */
  readonly asked: number;
  /** 503: the reader says that it cannot know. Allowed. */
  readonly unavailable: number;
  /** 200 with other bytes than were published. */
  readonly wrongBytes: number;
  /** 404 for an order whose commit was known when the question was asked. */
  readonly false404: number;
  /** Any other answer. */
  readonly unexpected: number;
  /** From Kafka's acknowledgement of an order to the first 200 of any reader, the longest. */
  readonly longestStallMs: number;
}

/**
 * What was found while the system ran, and what its readers answered from their memory alone. The longest stall is the
 * former's: an order that is kept back until then is first asked for when that suits the chaos.
 */
export function addFindings(running: Findings, fromMemory: Findings): Findings {
  return {
    asked: running.asked + fromMemory.asked,
    unavailable: running.unavailable + fromMemory.unavailable,
    wrongBytes: running.wrongBytes + fromMemory.wrongBytes,
    false404: running.false404 + fromMemory.false404,
    unexpected: running.unexpected + fromMemory.unexpected,
    longestStallMs: running.longestStallMs,
  };
}

/** Judges every answer of the readers, and tells of each that is wrong on standard error. */
export class Answers {
  #counts = { asked: 0, unavailable: 0, wrongBytes: 0, false404: 0, unexpected: 0, longestStallMs: 0 };
  readonly #read = new Set<string>();

  constructor(private readonly readers: readonly string[]) {}

  /**
   * @param question.isCommitted whether the order's commit was known before the question was asked
   * @returns whether the order was read
   */
  judge(
    question: { readonly order: KnownOrder; readonly reader: number; readonly isCommitted: boolean },
    answer: { readonly status: number; readonly sha256: string },
  ): boolean {
    const { order, isCommitted } = question;
    this.#counts.asked += 1;
    if (answer.status === 200 && answer.sha256 === order.sha256) {
      this.#noteReadable(order);
      return true;
    }
    if (answer.status === 503) this.#counts.unavailable += 1;
    else if (answer.status === 200) this.#tell("wrongBytes", question, answer.sha256);
    else if (answer.status !== 404) this.#tell("unexpected", question, String(answer.status));
    else if (isCommitted) this.#tell("false404", question, "404");
    return false;
  }

  findings(): Findings {
    return this.#counts;
  }

  #noteReadable({ id, acknowledgedAt }: KnownOrder): void {
    if (this.#read.has(id)) return;
    this.#read.add(id);
    this.#counts.longestStallMs = Math.max(this.#counts.longestStallMs, Date.now() - acknowledgedAt);
  }

  #tell(
    kind: "wrongBytes" | "unexpected" | "false404",
    { order, reader }: { readonly order: KnownOrder; readonly reader: number },
    detail: string,
  ): void {
    this.#counts[kind] += 1;
    const at = new Date().toISOString();
    process.stderr.write(
      `${at} ${kind} ${this.readers[reader]} ${order.id} ${order.partition}:${order.offset} ${detail}\n`,
    );
  }
}
