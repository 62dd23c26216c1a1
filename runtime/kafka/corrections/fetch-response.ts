import { fetchResponse } from "../internals";
import { WireReader } from "../wire";
import type { AbortedTransaction } from "./aborted-transactions";
import { decodeRecordSet } from "./record-set";

/** The versions with record batches that kafkajs speaks. Brokers since 2.3 are asked with the last. */
const versions = [4, 5, 6, 7, 8, 9, 10, 11] as const;

/** Makes kafkajs read fetched records by this project's decoder. Its own is in consumers' way before they see a batch. */
export function correctFetchResponses(): void {
  for (const version of versions) {
    fetchResponse(version).decode = (payload) => decodeFetchResponse(version, payload);
  }
}

/** Reads an answer to a fetch into the fields that kafkajs' consumer expects of that version. */
export async function decodeFetchResponse(version: number, payload: Buffer): Promise<object> {
  const reader = new WireReader(payload);
  const throttleTime = reader.int32();
  const session = version >= 7 ? { errorCode: reader.int16(), sessionId: reader.int32() } : {};
  const responses = await listOf(reader, async () => ({
    topicName: text(reader),
    partitions: await listOf(reader, () => decodePartition(version, reader)),
  }));
  // Since version 8 it is the client that has to wait.
  const throttle = version >= 8 ? { throttleTime: 0, clientSideThrottleTime: throttleTime } : { throttleTime };
  return { ...throttle, ...session, responses };
}

async function decodePartition(version: number, reader: WireReader): Promise<object> {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStart = version >= 5 ? { lastStartOffset: String(reader.int64()) } : {};
  const aborted = await listOf(
    reader,
    async (): Promise<AbortedTransaction> => ({
      producerId: reader.int64(),
      firstOffset: reader.int64(),
    }),
  );
  const replica = version >= 11 ? { preferredReadReplica: reader.int32() } : {};
  const length = reader.int32();
  const start = reader.take(Math.max(0, length));
  const bytes = reader.bytes.subarray(start, reader.offset);
  return {
    partition,
    errorCode,
    highWatermark: String(highWatermark),
    lastStableOffset: String(lastStableOffset),
    ...logStart,
    // They have been dealt with: kafkajs' own filter has nothing left to do.
    abortedTransactions: [],
    ...replica,
    messages: await decodeRecordSet({ bytes, highWatermark, aborted }),
  };
}

async function listOf<T>(reader: WireReader, read: () => Promise<T>): Promise<T[]> {
  const count = reader.int32();
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(await read());
  return list;
}

function text(reader: WireReader): string {
  const length = reader.int16();
  const start = reader.take(length);
  return reader.bytes.toString("utf8", start, start + length);
}
