import { KafkaJSError } from "kafkajs";
import { Cluster, ConsumerGroup } from "../internals";

/**
 * That no broker names the group's coordinator is an outage, which ends. kafkajs takes it for final when the only broker
 * is lost in the middle of the question, and ends the consumer for good.
 *
 * And what keeps a consumer from its group for a while, as a coordinator that still loads its groups or a connection that
 * ends, is waited out where the consumer stands, as the same member. kafkajs does that for a rebalance alone: a consumer
 * that starts is ended, and comes back as another one; one that its coordinator did not know any more goes on to fetch as
 * nobody's member, and asks to be one never again.
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
        if (error instanceof KafkaJSError && error.retriable) throw error;
        giveUp(error);
      }
    });
  };
}
