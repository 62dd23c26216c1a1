import type { OpenPartition } from "./assignment";
import { createPartitionQueues } from "./partition-queues";

const partitionOf = (partition: number): OpenPartition => ({
  ...{ topicId: undefined, epoch: 1, partition, nextOffset: 0n, seenOffset: 0n, fetchOffset: 0n },
  ...{ lastRecord: undefined, isSuspicious: false, handed: undefined },
});

/** Work that tells when it begins, and ends when it is told to. */
function makeWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((resolve) => void ends.set(name, resolve));
  };
  return { begun, work, end: (name: string): void => ends.get(name)?.() };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work of one partition begins when what was put in before has ended, that of others does not wait for it", async () => {
  const { begun, work, end } = makeWork();
  const queues = createPartitionQueues();
  const [one, other] = [partitionOf(0), partitionOf(1)];
  const ended = queues.put(one, work("one, first"));
  const last = queues.put(one, work("one, then"));
  void queues.put(other, work("other"));
  await settle();
  expect(begun).toEqual(["one, first", "other"]);
  end("one, first");
  await ended;
  await settle();
  expect(begun).toEqual(["one, first", "other", "one, then"]);
  end("one, then");
  await last;
});

test("it is settled when all that was put in has ended", async () => {
  const { work, end } = makeWork();
  const queues = createPartitionQueues();
  const partition = partitionOf(0);
  void queues.put(partition, work("first"));
  void queues.put(partition, work("then"));
  let isSettled = false;
  const settled = queues.settled().then(() => {
    isSettled = true;
  });
  await settle();
  end("first");
  await settle();
  expect(isSettled).toBe(false);
  end("then");
  await settled;
});
