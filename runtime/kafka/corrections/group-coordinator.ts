import { KafkaJSError } from "kafkajs";
import { Cluster, ConsumerGroup, Runner } from "../internals";

/**
 * That no broker names the group's coordinator is an outage, which ends. kafkajs takes it for final when the only broker
 * is lost in the middle of the question, and ends the consumer for good.
 *
 * And what keeps a consumer from its group for a while, as a coordinator that still loads its groups or a connection that
 * ends, is waited out where the consumer stands, as the same member. kafkajs does that for a rebalance alone: a consumer
 * that starts is ended, and comes back as another one; one that its coordinator did not know any more goes on to fetch as
 * nobody's member, and asks to be one never again. One that is stopped meanwhile waits no longer.
 */
export function correctGroupCoordinator(): void {
  const { findGroupCoordinatorMetadata } = Cluster.prototype;
  Cluster.prototype.findGroupCoordinatorMetadata = async function (wish) {
    try {
      return await findGroupCoordinatorMetadata.call(this, wish);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "KafkaJSGroupCoordinatorNotFound") throw error;
      throw new KafkaJSError(error.message, { retriable: true });
    }
  };

  const { joinAndSync } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.joinAndSync = function () {
    return this.retrier(async (giveUp) => {
      try {
        await joinAndSync.call(this);
      } catch (error) {
        if (error instanceof KafkaJSError && error.retriable && !stopping.has(this)) throw error;
        giveUp(error);
      }
    });
  };

  const { stop } = Runner.prototype;
  Runner.prototype.stop = function () {
    // Of one that has only been started kafkajs would take the error for a crash, and start it anew: see early-stop.ts.
    if (this.running) stopping.add(this.consumerGroup);
    return stop.call(this);
  };
}

/** They are members no longer than it takes to end. */
const stopping = new WeakSet<ConsumerGroup>();
