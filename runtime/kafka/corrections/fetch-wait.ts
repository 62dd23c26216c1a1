import { Broker, ConsumerGroup, type FetchedPartitions, Runner } from "../internals";

/**
 * Lets a consumer act at once on what happens while it waits for records, so that it may wait long: each end of a wait is
 * work for an idle system, for the broker above all. kafkajs waits out the time of a fetch, or with everything paused
 * sleeps as long, before it looks what was resumed or that it is to stop; and it sends heartbeats between fetches alone,
 * so that the group's rebalance waits for the fetch as well.
 *
 * Here a wait is ended by
 * - `resume`: the next fetch, which asks for what was resumed too, is sent at once, beside the one that the broker still
 *   has (fetch-lanes.ts). What that one may bring is dropped: nothing of it is resolved, so it is fetched again;
 * - the stop;
 * - a heartbeat that fails. They are sent while it waits, and kafkajs' own after the wait meets the same error.
 */
export function correctFetchWait(): void {
  const { fetch, resume } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.fetch = async function (nodeId) {
    try {
      await this.cluster.refreshMetadataIfNecessary();
      this.checkForStaleAssignment();
      // From here on whatever comes between ends the wait before it begins.
      if (stopped.has(this)) return [];
      const broker = this.cluster.brokerPool.brokers[nodeId];
      if (broker) asked.set(broker, { group: this, wakes: wakesOf(this) });
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

  const { fetch: request } = Broker.prototype;
  Broker.prototype.fetch = async function (wish) {
    const { group, wakes } = asked.get(this) ?? {};
    if (group === undefined) return request.call(this, wish);
    if (wakes !== wakesOf(group)) return NOTHING;
    const answer = request.call(this, wish);
    // Once it is not waited for, its failure is nobody's business.
    answer.catch(() => {});
    const woken = untilWoken(group);
    return Promise.race([answer, woken.promise.then(() => NOTHING)]).finally(woken.forget);
  };

  ConsumerGroup.prototype.resume = function (partitions) {
    resume.call(this, partitions);
    wake(this);
  };

  const { fetch: fetchOnce, stop } = Runner.prototype;
  Runner.prototype.fetch = async function (nodeId) {
    const stopBeating = beat(this);
    return fetchOnce.call(this, nodeId).finally(stopBeating);
  };
  Runner.prototype.stop = function () {
    stopped.add(this.consumerGroup);
    wake(this.consumerGroup);
    return stop.call(this);
  };
}

const NOTHING: FetchedPartitions = { responses: [] };

/** Whose fetch a broker is asked for, and how often that group had been woken when it decided what to ask for. */
const asked = new WeakMap<Broker, { readonly group: ConsumerGroup; readonly wakes: number }>();
/** Groups whose consumer is to stop; one that is started again makes another. */
const stopped = new WeakSet<ConsumerGroup>();
const woken = new WeakMap<ConsumerGroup, number>();
/** What ends the waits of a group's fetchers. */
const waits = new WeakMap<ConsumerGroup, Set<() => void>>();

function wakesOf(group: ConsumerGroup): number {
  return woken.get(group) ?? 0;
}

function wake(group: ConsumerGroup): void {
  woken.set(group, wakesOf(group) + 1);
  for (const end of waits.get(group) ?? []) end();
}

function untilWoken(group: ConsumerGroup): { readonly promise: Promise<void>; readonly forget: () => void } {
  const ends = waits.get(group) ?? new Set();
  waits.set(group, ends);
  let end = (): void => {};
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  ends.add(end);
  return { promise, forget: () => ends.delete(end) };
}

async function sleep(group: ConsumerGroup): Promise<void> {
  const { promise, forget } = untilWoken(group);
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, group.maxWaitTime);
  });
  await Promise.race([promise, over]);
  clearTimeout(timer);
  forget();
}

/** Sends heartbeats until it is told to stop. One that fails wakes the group. */
function beat(runner: Runner): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const next = (): void => {
    if (!isOver) timer = setTimeout(() => void send(), runner.heartbeatInterval);
  };
  const send = (): Promise<void> =>
    runner
      .heartbeat()
      .catch(() => wake(runner.consumerGroup))
      .then(next);
  next();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Whether none of the group's partitions that this broker leads is to be fetched. */
function isPaused(group: ConsumerGroup, nodeId: number): boolean {
  const active = group.getActiveTopicPartitions();
  const led = group.filterPartitionsByNode(nodeId, group.subscriptionState.assigned());
  return !led.some(({ topic, partitions }) => partitions.some((partition) => active[topic]?.has(partition)));
}
