import { crc32c } from "@node-rs/crc32";
import { MalformedError } from "../wire";

/** Where a batch's fields are, from its first byte. Its length counts the bytes after the length itself. */
const at = { baseOffset: 0, length: 8, magic: 16, crc: 17, attributes: 21, lastOffsetDelta: 23, baseTimestamp: 27 };
const alsoAt = { maxTimestamp: 35, producerId: 43, recordCount: 57, records: 61 };

/** A record batch in the log: its header, and its records as they lie there. Offsets are inclusive. */
export interface RecordBatch {
  readonly bytes: Buffer;
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: bigint;
  /** The time of all records when the topic is set to LogAppendTime. */
  readonly appendTime: bigint | undefined;
  /** -1 when the producer is neither idempotent nor transactional. */
  readonly producerId: bigint;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; others are unknown. */
  readonly codec: number;
  readonly isTransactional: boolean;
  /** Holds a transaction's end, which is Kafka's business, instead of records. */
  readonly isControl: boolean;
  /** As claimed. */
  readonly recordCount: number;
}

export type Framed =
  | { readonly kind: "batch"; readonly bytes: Buffer }
  | { readonly kind: "message-set"; readonly bytes: Buffer }
  | { readonly kind: "cut" };

/**
 * Finds the batch that begins at an offset of a fetched record set.
 *
 * @returns `cut` when the broker has sent only its beginning; `message-set` for the format before Kafka 0.11
 * @throws MalformedError when its length cannot be, so that nobody can say where the next one begins
 */
export function frameBatch(recordSet: Buffer, start: number): Framed {
  const available = recordSet.length - start;
  if (available <= at.magic) return { kind: "cut" };
  if (recordSet.readInt8(start + at.magic) < 2) return { kind: "message-set", bytes: recordSet.subarray(start) };
  const size = recordSet.readInt32BE(start + at.length) + at.length + 4;
  if (size < alsoAt.records) throw new MalformedError(`a record batch claims to have ${size} bytes`);
  if (size > available) return { kind: "cut" };
  return { kind: "batch", bytes: recordSet.subarray(start, start + size) };
}

export function readBatchHeader(bytes: Buffer): RecordBatch {
  const attributes = bytes.readInt16BE(at.attributes);
  const baseOffset = bytes.readBigInt64BE(at.baseOffset);
  const lastOffsetDelta = bytes.readInt32BE(at.lastOffsetDelta);
  return {
    bytes,
    baseOffset,
    lastOffset: baseOffset + BigInt(lastOffsetDelta),
    lastOffsetDelta,
    baseTimestamp: bytes.readBigInt64BE(at.baseTimestamp),
    appendTime: attributes & 0x08 ? bytes.readBigInt64BE(alsoAt.maxTimestamp) : undefined,
    producerId: bytes.readBigInt64BE(alsoAt.producerId),
    codec: attributes & 0x07,
    isTransactional: (attributes & 0x10) !== 0,
    isControl: (attributes & 0x20) !== 0,
    recordCount: bytes.readInt32BE(alsoAt.recordCount),
  };
}

/** @throws MalformedError when the batch is not what its producer or broker has written. */
export function checkBatch(batch: RecordBatch): void {
  const magic = batch.bytes.readInt8(at.magic);
  if (magic !== 2) throw new MalformedError(`a record batch has the unknown format ${magic}`);
  if (crc32c(batch.bytes.subarray(at.attributes)) !== batch.bytes.readUInt32BE(at.crc)) {
    throw new MalformedError("a record batch does not match its checksum");
  }
  if (batch.lastOffsetDelta < 0) throw new MalformedError("a record batch ends before it begins");
}

/** The batch's records as they lie in the log, packed by its codec. */
export function packedRecords(batch: RecordBatch): Buffer {
  return batch.bytes.subarray(alsoAt.records);
}
