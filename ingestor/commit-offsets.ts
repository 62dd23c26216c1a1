import type { Log } from "../runtime/log";
import { classifyFailure } from "./failure";

/**
 * Tells Kafka how far the ingestor has come, for whoever watches the lag; the truth is in PostgreSQL. An offset is
 * offered only after its transaction has been committed, and only the latest of each partition is sent: about once a
 * second, because a commit for every batch costs the broker 5 µs an order instead of 1.6.
 *
 * A partition is `clean` or has an offset `pending`. Pending offsets are sent by the timer and by `flush`; one that
 * could not be sent stays pending unless a newer one was offered meanwhile. `forget` drops what is no longer ours.
 */
export interface OffsetCommitter {
  /** @param nextOffset the offset after the last record that is done with */
  offer(partition: number, nextOffset: bigint): void;
  flush(): Promise<void>;
  forget(): void;
  stop(): void;
}

const INTERVAL_MS = 1_000;

type CommitOffsets = (offsets: { topic: string; partition: number; offset: string }[]) => Promise<void>;

/** Starts the timer. `commitOffsets` is the slice of kafkajs' consumer that is used. */
export function createOffsetCommitter(topic: string, commitOffsets: CommitOffsets, log: Log): OffsetCommitter {
  const pending = new Map<number, bigint>();
  let sending: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    const batch = [...pending];
    pending.clear();
    try {
      await commitOffsets(batch.map(([partition, offset]) => ({ topic, partition, offset: offset.toString() })));
    } catch (error) {
      for (const [partition, offset] of batch) if (!pending.has(partition)) pending.set(partition, offset);
      log.debug({ event: "kafka.commit-failed", code: classifyFailure(error).code }, "Kafka did not take the offsets");
    }
  };
  const flush = async (): Promise<void> => {
    await sending;
    if (pending.size === 0) return;
    sending = send().finally(() => {
      sending = undefined;
    });
    await sending;
  };
  const timer = setInterval(() => void flush(), INTERVAL_MS);

  return {
    offer: (partition, nextOffset) => pending.set(partition, nextOffset),
    flush,
    forget: () => pending.clear(),
    stop: () => clearInterval(timer),
  };
}
