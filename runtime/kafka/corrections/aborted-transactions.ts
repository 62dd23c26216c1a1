import type { RecordBatch } from "./record-batch";

/** A transaction that was aborted, as the broker lists it: its first record in this partition. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/**
 * Which of a partition's fetched batches belong to aborted transactions. Ask for every batch, in the log's order: a
 * producer is aborted from the first offset that the broker lists until the control batch that ends its transaction.
 *
 * kafkajs takes the broker's list to be sorted, which it is not, and a record whose key is four zero bytes for an end.
 */
export class AbortedTransactions {
  private readonly upcoming: AbortedTransaction[];
  private readonly aborted = new Set<bigint>();

  constructor(list: readonly AbortedTransaction[]) {
    this.upcoming = [...list].sort((a, b) =>
      a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
    );
  }

  includes(batch: RecordBatch): boolean {
    if (batch.producerId < 0n) return false;
    for (let next = this.upcoming[0]; next && next.firstOffset <= batch.lastOffset; next = this.upcoming[0]) {
      this.aborted.add(next.producerId);
      this.upcoming.shift();
    }
    // A producer has one transaction at a time: what ends now is the one that the list meant.
    if (batch.isControl) this.aborted.delete(batch.producerId);
    return batch.isTransactional && !batch.isControl && this.aborted.has(batch.producerId);
  }
}
