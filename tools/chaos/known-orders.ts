import type { Acknowledgement, Send } from "./sends-file";

/** An order that Kafka has acknowledged. Whoever asks a reader for it must in the end get these very bytes. */
export interface KnownOrder {
  readonly id: string;
  readonly sha256: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly acknowledgedAt: number;
}

/**
 * All acknowledged orders, and which of them a reader has still to be asked for. Some are kept back until the very end: a
 * reader that is asked for an order has it in memory afterwards, however it came by it.
 */
export class KnownOrders {
  readonly all: KnownOrder[] = [];
  /** Those that may be asked for while the system runs. */
  readonly askable: KnownOrder[] = [];
  readonly #awaited = new Map<number, Send>();
  readonly #queues: KnownOrder[][];
  #inHand = 0;

  constructor(readers: number) {
    this.#queues = Array.from({ length: readers }, () => []);
  }

  learn(news: { sends: readonly Send[]; acknowledgements: readonly Acknowledgement[] }): void {
    for (const send of news.sends) if (send.kind === "order") this.#awaited.set(send.n, send);
    for (const { n, partition, offset, at } of news.acknowledgements) {
      const send = this.#awaited.get(n);
      if (!send) continue;
      this.#awaited.delete(n);
      const order = { id: send.id, sha256: send.sha256 ?? "", partition, offset, acknowledgedAt: at };
      this.all.push(order);
      if (n % KEEP_ONE_IN === 0) continue;
      this.askable.push(order);
      for (const queue of this.#queues) queue.push(order);
    }
  }

  /** The oldest that this reader has not answered yet and that `isDue`; it is given back or done with. */
  takeUnread(reader: number, isDue: (order: KnownOrder) => boolean): KnownOrder | undefined {
    const queue = this.#queues[reader] ?? [];
    const index = queue.slice(0, LOOK_AT).findIndex(isDue);
    if (index < 0) return undefined;
    this.#inHand += 1;
    return queue.splice(index, 1)[0];
  }

  done(): void {
    this.#inHand -= 1;
  }

  giveBack(reader: number, order: KnownOrder): void {
    this.#inHand -= 1;
    this.#queues[reader]?.push(order);
  }

  /** Over all readers. */
  unread(): number {
    return this.#inHand + this.#queues.reduce((sum, queue) => sum + queue.length, 0);
  }
}

const KEEP_ONE_IN = 10;
/** One partition may stand still for a while: then what is due is further behind. */
const LOOK_AT = 2_000;
