import type { Batch } from "kafkajs";

/** Where the fetch began that has brought this batch. kafkajs has it on every batch, its types do not. */
export function fetchedOffsetOf(batch: Batch): bigint {
  return BigInt((batch as unknown as { readonly fetchedOffset: string }).fetchedOffset);
}
