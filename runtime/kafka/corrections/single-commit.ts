import { Runner } from "../internals";

/**
 * Tries a commit of offsets once, and tells how it failed. kafkajs tries again by itself, as long as its client never
 * gives up, and each time as the member that it is by then: offsets of a generation that has ended are taken at last, and
 * set back those that the partitions' new owners have committed. Whoever commits offers what is still his once more.
 */
export function correctCommits(): void {
  Runner.prototype.commitOffsets = async function (offsets) {
    if (this.running) await this.consumerGroup.commitOffsets(offsets);
  };
}
