import { BrokerPool } from "../internals";

/**
 * Keeps the last broker that a client knows, also when its connection has ended: it is connected to again. kafkajs forgets
 * it, and a consumer that then asks for its brokers, because a heartbeat was due in that moment, ends: it comes back as
 * another member of its group, and waits until the session of the one that it was has ended.
 */
export function correctLostBrokers(): void {
  const { removeBroker } = BrokerPool.prototype;
  BrokerPool.prototype.removeBroker = function (place) {
    if (Object.keys(this.brokers).length > 1) removeBroker.call(this, place);
    else this.metadataExpireAt = null;
  };
}
