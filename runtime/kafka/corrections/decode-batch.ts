import type { RecordBatchEntry } from "kafkajs";
import { codecs, EXPANDED_LIMIT } from "../codecs/codecs";
import { type Undecodable, undecodableKey } from "../undecodable";
import { MalformedError, WireReader } from "../wire";
import { type BatchContent, type FetchedRecord, readRecord } from "./fetched-record";
import { checkBatch, packedRecords, type RecordBatch } from "./record-batch";

/**
 * A batch may hold this many records. At the limit of its expanded size these would have 67 bytes each, a tenth of the
 * smallest order, so more of them is an attack on memory; kafkajs' own limit was at 125,000, by accident.
 */
export const RECORD_LIMIT = 1_000_000;

/** What kafkajs needs of a fetched message: kafkajs drops control records, after it has moved on past their offsets. */
export type Fetched = FetchedRecord | Marker;

/** Stands for a whole batch or its end. */
interface Marker extends RecordBatchEntry {
  readonly isControlRecord: boolean;
  readonly [undecodableKey]?: Undecodable;
}

export interface DecodedBatch {
  readonly messages: readonly Fetched[];
  /** What it takes in memory. */
  readonly expandedBytes: number;
}

/**
 * Decodes a batch's records. A batch that is malformed becomes one message that says so; any other error is thrown.
 *
 * @param highestOffset the last offset that the batch can have, by what follows it
 */
export async function decodeBatch(batch: RecordBatch, highestOffset: bigint): Promise<DecodedBatch> {
  try {
    checkBatch(batch);
    const plain = await expand(batch);
    const messages = readRecords({ batch, plain }, highestOffset);
    return { messages, expandedBytes: plain.length };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return { messages: [undecodable(batch, highestOffset, error)], expandedBytes: 0 };
  }
}

/** Takes the place of a batch whose records nobody is to see, so that the consumer's position moves past it. */
export function passedOver(batch: RecordBatch, highestOffset: bigint): Fetched {
  return { ...marker(clamped(batch, highestOffset)), isControlRecord: true };
}

async function expand(batch: RecordBatch): Promise<Buffer> {
  const packed = packedRecords(batch);
  if (batch.codec === 0 || batch.recordCount === 0) return packed;
  const codec = codecs.get(batch.codec);
  if (codec === undefined) throw new MalformedError(`a record batch is packed with the unknown codec ${batch.codec}`);
  await codec.ready?.();
  try {
    return codec.expand(packed, EXPANDED_LIMIT);
  } catch (error) {
    if (isOutOfMemory(error)) throw error;
    throw new MalformedError(`${codec.name}: ${error instanceof Error ? error.message : "cannot be expanded"}`);
  }
}

/** A lack of memory is this machine's, not the batch's: it must not become a dead letter. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError || (error as NodeJS.ErrnoException).code === "Z_MEM_ERROR";
}

function readRecords(content: BatchContent, highestOffset: bigint): Fetched[] {
  const { batch, plain } = content;
  const { recordCount } = batch;
  if (recordCount < 0) throw new MalformedError("a record batch has a negative number of records");
  if (recordCount > RECORD_LIMIT) throw new MalformedError(`a record batch has more than ${RECORD_LIMIT} records`);
  const reader = new WireReader(plain);
  const messages: Fetched[] = [];
  let lastDelta = -1;
  for (let i = 0; i < recordCount; i++) {
    const record = readRecord(content, reader);
    if (record.offsetDelta <= lastDelta)
      throw new MalformedError("a batch's records are not in the order of their offsets");
    lastDelta = record.offsetDelta;
    messages.push(record);
  }
  if (recordCount > 0 && reader.remaining > 0) throw new MalformedError("bytes follow a batch's last record");
  // Compaction may have taken the last records: the position must still move past them, or it stays here for ever.
  // Brokers tell a high watermark from before they read: it may lie below what they send, and moves nothing back.
  const end = clamped(batch, highestOffset);
  if (end > batch.baseOffset + BigInt(lastDelta)) messages.push(passedOver(batch, highestOffset));
  return messages;
}

function undecodable(batch: RecordBatch, highestOffset: bigint, error: MalformedError): Fetched {
  const lastOffset = clamped(batch, highestOffset);
  const offsets = Number(lastOffset - batch.baseOffset) + 1;
  return {
    ...marker(lastOffset),
    isControlRecord: false,
    [undecodableKey]: {
      firstOffset: batch.baseOffset,
      lastOffset,
      recordCount: Math.min(Math.max(batch.recordCount, 1), offsets),
      error: error.message,
    },
  };
}

/** A damaged header may claim any last offset; the consumer must not jump over good records because of it. */
function clamped(batch: RecordBatch, highestOffset: bigint): bigint {
  if (highestOffset < batch.baseOffset || batch.lastOffset < batch.baseOffset) return batch.baseOffset;
  return batch.lastOffset < highestOffset ? batch.lastOffset : highestOffset;
}

function marker(offset: bigint): RecordBatchEntry {
  return { key: null, value: null, timestamp: "-1", attributes: 0, offset: String(offset), headers: {} };
}
