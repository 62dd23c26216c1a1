import { type FetchedBatch, Runner } from "../internals";

/**
 * Drops a batch that was fetched from elsewhere than where the consumer stands by now. kafkajs looks whether a seek is
 * still to be done, and for control records not even that. So what a partition's former leader sends late, after a fetch
 * from the new one has done the seek, would be taken for what comes next, and everything between be passed over.
 */
export function correctLateBatches(): void {
  const { handleBatch } = Runner.prototype;
  Runner.prototype.handleBatch = async function (batch) {
    if (!isLate(this, batch)) await handleBatch.call(this, batch);
  };
}

function isLate({ consumerGroup }: Runner, batch: FetchedBatch): boolean {
  const { topic, partition, fetchedOffset } = batch;
  const { offsetManager } = consumerGroup;
  if (consumerGroup.hasSeekOffset(batch) || offsetManager.resolvedOffsets[topic] === undefined) return true;
  return offsetManager.nextOffset(topic, partition).toString() !== fetchedOffset;
}
