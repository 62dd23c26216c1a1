import type { KafkaMessage } from "kafkajs";

/** A record batch that cannot be decoded. Offsets are inclusive and were checked against the batches that follow. */
export interface Undecodable {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  /** The number of records that the batch claims to hold; at most the number of its offsets. */
  readonly recordCount: number;
  /** What is wrong, in words without any of the batch's content. */
  readonly error: string;
}

export const undecodableKey = Symbol.for("orders.kafka.undecodable");

/**
 * What a consumed message says about a batch that could not be decoded, or undefined for an ordinary record.
 *
 * Such a batch is delivered as one message in its place: its offset is the batch's last, its key and value are null. Its
 * range can begin below the offset that was asked for, when the position was inside the batch: what lies below the
 * position has been dealt with.
 */
export function undecodableOf(message: KafkaMessage): Undecodable | undefined {
  return (message as { readonly [undecodableKey]?: Undecodable })[undecodableKey];
}
