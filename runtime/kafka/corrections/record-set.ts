import { EXPANDED_LIMIT } from "../codecs/codecs";
import { Decoder, decodeMessageSet } from "../internals";
import { MalformedError } from "../wire";
import { type AbortedTransaction, AbortedTransactions } from "./aborted-transactions";
import { decodeBatch, type Fetched, passedOver, RECORD_LIMIT } from "./decode-batch";
import { frameBatch, type RecordBatch, readBatchHeader } from "./record-batch";

/** What one answer to a fetch brings of one partition. */
export interface RecordSet {
  readonly bytes: Buffer;
  /** The offset after the last one of the partition. */
  readonly highWatermark: bigint;
  /** Empty for a consumer that reads what is not committed. */
  readonly aborted: readonly AbortedTransaction[];
}

/**
 * Decodes the batches of a record set. Records of aborted transactions and control batches become one dropped message
 * each. Once the set has expanded to the limit of a single batch, what follows is left for the next fetch: a thousand
 * small bombs in one answer take no more memory than two.
 *
 * @throws MalformedError when it cannot be said where the first batch ends: then there is no range to pass over
 */
export async function decodeRecordSet({ bytes, highWatermark, aborted }: RecordSet): Promise<object[]> {
  const transactions = new AbortedTransactions(aborted);
  const parts: (readonly object[])[] = [];
  let start = 0;
  let expandedBytes = 0;
  let records = 0;
  while (start < bytes.length && expandedBytes < EXPANDED_LIMIT && records < RECORD_LIMIT) {
    const framed = frameBatch(bytes, start);
    if (framed.kind === "cut") {
      if (start === 0) throw new MalformedError("the first record batch of a fetch is not whole");
      break;
    }
    if (framed.kind === "message-set") {
      parts.push(await decodeMessageSet(new Decoder(framed.bytes), framed.bytes.length));
      break;
    }
    start += framed.bytes.length;
    const batch = readBatchHeader(framed.bytes);
    const highestOffset = baseOffsetAt(bytes, start) ?? highWatermark;
    const decoded = await decode(batch, highestOffset - 1n, transactions);
    expandedBytes += decoded.expandedBytes;
    records += decoded.messages.length;
    parts.push(decoded.messages);
  }
  return parts.flat();
}

async function decode(
  batch: RecordBatch,
  highestOffset: bigint,
  transactions: AbortedTransactions,
): Promise<{ readonly messages: readonly Fetched[]; readonly expandedBytes: number }> {
  return transactions.includes(batch) || batch.isControl
    ? { messages: [passedOver(batch, highestOffset)], expandedBytes: 0 }
    : decodeBatch(batch, highestOffset);
}

function baseOffsetAt(bytes: Buffer, start: number): bigint | undefined {
  return start + 8 <= bytes.length ? bytes.readBigInt64BE(start) : undefined;
}
