import type { PartitionBooks } from "./ledger";

/** A life of the topic that is over: it was deleted and made anew since. */
export interface EndedLife {
  readonly topic: string;
  readonly epoch: number;
  /** The first offset of each partition that was not ingested. */
  readonly positions: readonly { readonly partition: number; readonly nextOffset: number }[];
}

/**
 * The lives of the topic that are over, and where their positions ended. What the deleted topic held behind them nobody
 * can tell any more: it may have been nothing. So it is no difference, and no lag. Pure.
 *
 * @param current the epoch of the topic that is there; undefined where none has begun yet
 */
export function endedLives(topic: string, books: readonly PartitionBooks[], current: number | undefined): EndedLife[] {
  const epochs = [...new Set(books.map(({ epoch }) => epoch))].filter((epoch) => epoch !== current);
  return epochs.map((epoch) => ({
    ...{ topic, epoch },
    positions: books.flatMap(({ partition, counters, ...of }) =>
      counters && of.epoch === epoch ? [{ partition, nextOffset: Number(counters.nextOffset) }] : [],
    ),
  }));
}

/** A life that is over, in words. */
export function describeEnded({ topic, epoch, positions }: EndedLife): string {
  const ends = positions.map(({ partition, nextOffset }) => `${nextOffset} (partition ${partition})`).join(", ");
  return `${topic}:${epoch} ended when the topic was made anew, its positions at ${ends}; what the deleted topic held behind them cannot be told any more`;
}
