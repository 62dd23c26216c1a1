import { crc32c } from "@node-rs/crc32";
import type { Message } from "kafkajs";
import { codecs } from "../codecs/codecs";
import { type HeaderList, listOf, sizeOfHeaders, writeHeaders } from "../headers";
import {
  bytesOf,
  sizeOfVarBytes,
  sizeOfVarInt,
  sizeOfVarLong,
  writeVarBytes,
  writeVarInt,
  writeVarLong,
} from "../wire";

/** Which producer a batch is from, and how it is packed. */
export interface BatchOptions {
  /** -1 for a producer that is neither idempotent nor transactional. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly isTransactional: boolean;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec: number;
}

const plainProducer: BatchOptions = {
  producerId: -1n,
  producerEpoch: -1,
  firstSequence: -1,
  isTransactional: false,
  codec: 0,
};

/** A record on its way out: everything as bytes. */
interface OutgoingRecord {
  readonly timestamp: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderList;
}

const HEADER_BYTES = 61;

/**
 * Encodes messages as one record batch, with their headers exactly as listed. A message without a timestamp gets `now`,
 * in milliseconds.
 *
 * @throws Error when the codec is unknown
 */
export async function encodeBatch(
  messages: readonly Message[],
  now: number,
  options: Partial<BatchOptions> = {},
): Promise<Buffer> {
  const { producerId, producerEpoch, firstSequence, isTransactional, codec } = { ...plainProducer, ...options };
  const records = messages.map((message) => outgoing(message, now));
  const baseTimestamp = records[0]?.timestamp ?? 0n;
  let maxTimestamp = baseTimestamp;
  for (const { timestamp } of records) if (timestamp > maxTimestamp) maxTimestamp = timestamp;
  const body = await pack(encodeRecords(records, baseTimestamp), codec);
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), body]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(codec | (isTransactional ? 0x10 : 0), 21);
  bytes.writeInt32BE(records.length - 1, 23);
  bytes.writeBigInt64BE(baseTimestamp, 27);
  bytes.writeBigInt64BE(maxTimestamp, 35);
  bytes.writeBigInt64BE(producerId, 43);
  bytes.writeInt16BE(producerEpoch, 51);
  bytes.writeInt32BE(firstSequence, 53);
  bytes.writeInt32BE(records.length, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function outgoing({ timestamp, key, value, headers }: Message, now: number): OutgoingRecord {
  return {
    timestamp: BigInt(timestamp ?? now),
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers === undefined ? [] : listOf(headers),
  };
}

function encodeRecords(records: readonly OutgoingRecord[], baseTimestamp: bigint): Buffer {
  const sizes = records.map(({ timestamp, key, value, headers }, index) => {
    const fixed = 1 + sizeOfVarLong(timestamp - baseTimestamp) + sizeOfVarInt(index);
    return fixed + sizeOfVarBytes(key) + sizeOfVarBytes(value) + sizeOfHeaders(headers);
  });
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + sizeOfVarInt(size) + size, 0));
  let at = 0;
  for (const [index, { timestamp, key, value, headers }] of records.entries()) {
    at = writeVarInt(sizes[index] ?? 0, bytes, at);
    at = bytes.writeInt8(0, at);
    at = writeVarLong(timestamp - baseTimestamp, bytes, at);
    at = writeVarInt(index, bytes, at);
    at = writeVarBytes(key, bytes, at);
    at = writeVarBytes(value, bytes, at);
    at = writeHeaders(headers, bytes, at);
  }
  return bytes;
}

async function pack(records: Buffer, number: number): Promise<Buffer> {
  if (number === 0) return records;
  const codec = codecs.get(number);
  if (codec === undefined) throw new Error(`there is no codec ${number}`);
  await codec.ready?.();
  return codec.pack(records);
}
