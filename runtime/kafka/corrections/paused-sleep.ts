import { ConsumerGroup, Runner } from "../internals";

/**
 * Lets a consumer with everything paused act at once when something is resumed, or when it is to stop. kafkajs sleeps as
 * long as a fetch may wait at an idle broker: that time could only be short, and each of its ends is work for an idle
 * system.
 */
export function correctPausedSleep(): void {
  const { fetch, resume } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.fetch = async function (nodeId) {
    try {
      await this.cluster.refreshMetadataIfNecessary();
      this.checkForStaleAssignment();
      // From here to the sleep nothing else runs: no resume and no stop can come between.
      if (stopped.has(this)) return [];
      if (isPaused(this, nodeId)) {
        await sleep(this);
        return [];
      }
    } catch (error) {
      await this.recoverFromFetch(error);
      return [];
    }
    return fetch.call(this, nodeId);
  };
  ConsumerGroup.prototype.resume = function (partitions) {
    resume.call(this, partitions);
    wake(this);
  };

  const { stop } = Runner.prototype;
  Runner.prototype.stop = function () {
    stopped.add(this.consumerGroup);
    wake(this.consumerGroup);
    return stop.call(this);
  };
}

/** Groups whose consumer is to stop; one that is started again makes another. */
const stopped = new WeakSet<ConsumerGroup>();

/** What ends the sleep of each of a group's fetchers. */
const sleepers = new WeakMap<ConsumerGroup, Set<() => void>>();

async function sleep(group: ConsumerGroup): Promise<void> {
  const sleeping = sleepers.get(group) ?? new Set();
  sleepers.set(group, sleeping);
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      sleeping.delete(end);
      resolve();
    };
    const timer = setTimeout(end, group.maxWaitTime);
    sleeping.add(end);
  });
}

function wake(group: ConsumerGroup): void {
  for (const end of sleepers.get(group) ?? []) end();
}

/** Whether none of the group's partitions that this broker leads is to be fetched. */
function isPaused(group: ConsumerGroup, nodeId: number): boolean {
  const active = group.getActiveTopicPartitions();
  const led = group.filterPartitionsByNode(nodeId, group.subscriptionState.assigned());
  return !led.some(({ topic, partitions }) => partitions.some((partition) => active[topic]?.has(partition)));
}
