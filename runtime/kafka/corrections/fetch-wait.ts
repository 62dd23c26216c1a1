import { KafkaJSError } from "kafkajs";
import { Broker, type Connection, ConsumerGroup, type FetchedPartitions, Runner } from "../internals";
import { giveUp } from "./connection";

/**
 * Lets a consumer act at once on what it is told. While a broker has nothing new, kafkajs waits out the whole time that
 * a fetch may take, and with everything paused it sleeps as long, before it looks what has been resumed or that it is to
 * stop: that time could only be short, and each of its ends is work for an idle system. Here `resume` and the stop end
 * the wait, so that it can be as long as heartbeats allow.
 *
 * A fetch that waits at the broker is ended with its connection, which carries fetches alone: on the same one the next
 * request would wait behind it. What it might still have brought is fetched again.
 */
export function correctFetchWait(): void {
  const { fetch: request } = Broker.prototype;
  Broker.prototype.fetch = async function (wish) {
    if (interrupted.has(this)) return NOTHING;
    const answer = request.call(this, wish);
    // With its connection it ends in an error, which then is nobody's any more.
    answer.catch(() => {});
    const interruption = waitFor(this);
    const nothing = interruption.promise.then(() => {
      giveUp(fetchConnectionOf(this), new KafkaJSError("the fetch has made way", { retriable: false }));
      return NOTHING;
    });
    return Promise.race([answer, nothing]).finally(interruption.forget);
  };

  const { fetch, resume } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.fetch = async function (nodeId) {
    const broker = this.cluster.brokerPool.brokers[nodeId];
    for (const owner of [this, broker]) if (owner !== undefined) interrupted.delete(owner);
    if (!isPaused(this, nodeId)) return fetch.call(this, nodeId);
    try {
      await this.cluster.refreshMetadataIfNecessary();
      this.checkForStaleAssignment();
    } catch (error) {
      await this.recoverFromFetch(error);
      return [];
    }
    if (!interrupted.has(this)) await pause(this);
    return [];
  };
  ConsumerGroup.prototype.resume = function (partitions) {
    resume.call(this, partitions);
    interrupt(this);
  };

  const { stop } = Runner.prototype;
  Runner.prototype.stop = function () {
    // It no longer runs once this returns: what is interrupted then is not begun again.
    const stopped = stop.call(this);
    interrupt(this.consumerGroup);
    return stopped;
  };
}

const NOTHING: FetchedPartitions = { responses: [] };

/** Those whose fetch is out of date before it has been sent: something was resumed or stopped since it was begun. */
const interrupted = new WeakSet<Broker | ConsumerGroup>();
/** What ends the waits that are going on, of a group while it is paused and of its brokers. */
const waits = new WeakMap<object, Set<() => void>>();

function waitFor(owner: Broker | ConsumerGroup) {
  const ends = waits.get(owner) ?? new Set();
  waits.set(owner, ends);
  let end = (): void => {};
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  ends.add(end);
  return { promise, end, forget: () => ends.delete(end) };
}

async function pause(group: ConsumerGroup): Promise<void> {
  const { promise, end, forget } = waitFor(group);
  const timer = setTimeout(end, group.maxWaitTime);
  await promise;
  clearTimeout(timer);
  forget();
}

function interrupt(group: ConsumerGroup): void {
  for (const owner of [group, ...Object.values(group.cluster.brokerPool.brokers)]) {
    interrupted.add(owner);
    for (const end of waits.get(owner) ?? []) end();
  }
}

/** Whether none of the group's partitions that this broker leads is to be fetched. */
function isPaused(group: ConsumerGroup, nodeId: number): boolean {
  const active = group.getActiveTopicPartitions();
  const led = group.filterPartitionsByNode(nodeId, group.subscriptionState.assigned());
  return !led.some(({ topic, partitions }) => partitions.some((partition) => active[topic]?.has(partition)));
}

/** kafkajs has two connections to each broker, the second for fetches. */
function fetchConnectionOf({ connectionPool }: Broker): Connection {
  return connectionPool.pool[1];
}
