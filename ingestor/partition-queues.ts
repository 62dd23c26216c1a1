import type { OpenPartition } from "./assignment";

/**
 * The work that fetched batches make: that of one partition in the order in which it was put in, that of several side by
 * side. It outlives the call of the consumer that has brought it, so that Kafka can be asked for more meanwhile.
 */
export interface PartitionQueues {
  /**
   * Begins the work once what was put in before for the same partition has ended.
   *
   * @param work must not reject
   * @returns its end
   */
  put(partition: OpenPartition, work: () => Promise<void>): Promise<void>;
  /** The end of all that has been put in so far. */
  settled(): Promise<void>;
}

export function createPartitionQueues(): PartitionQueues {
  const last = new WeakMap<OpenPartition, Promise<void>>();
  const inFlight = new Set<Promise<void>>();
  return {
    put: (partition, work) => {
      const before = last.get(partition) ?? Promise.resolve();
      const done = before.then(work);
      last.set(partition, done);
      inFlight.add(done);
      void done.finally(() => inFlight.delete(done));
      return done;
    },
    settled: async () => void (await Promise.all(inFlight)),
  };
}
