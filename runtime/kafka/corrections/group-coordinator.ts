import { KafkaJSError } from "kafkajs";
import { Cluster } from "../internals";

/**
 * That no broker names the group's coordinator is an outage, which ends. kafkajs takes it for final when the only broker
 * is lost in the middle of the question, and ends the consumer for good.
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
}
