import type { IHeaders, KafkaMessage } from "kafkajs";
import { bytesOf, MalformedError, sizeOfVarBytes, sizeOfVarInt, WireReader, writeVarBytes, writeVarInt } from "./wire";

/** One header of a record. The name is kept as bytes, because a producer may write what is not UTF-8. */
export interface Header {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** A record's headers in their order, repeated names included. */
export type HeaderList = readonly Header[];

/**
 * Where the corrected decoder leaves the list of a consumed message, and where the corrected encoder looks for the list
 * of a message to send. Registered by name, so that two copies of this module still understand each other.
 */
export const headerListKey = Symbol.for("orders.kafka.headerList");

/** Where the corrected decoder leaves the same list in Kafka's own form. */
export const headerBytesKey = Symbol.for("orders.kafka.headerBytes");

const none: HeaderList = Object.freeze([]);

/** The headers of a consumed message, exactly as they were published. */
export function headersOf(message: KafkaMessage): HeaderList {
  return heldList(message) ?? listOf(message.headers ?? {});
}

/**
 * The headers of a consumed message in the form of `encodeHeaders`: what `encodeHeaders(headersOf(message))` gives,
 * without taking them apart. A view into the fetched batch; copy what is to outlive it.
 */
export function headerBytesOf(message: KafkaMessage): Buffer {
  const { [headerBytesKey]: bytes } = message as { readonly [headerBytesKey]?: Buffer };
  return bytes ?? encodeHeaders(headersOf(message));
}

/**
 * Headers for `producer.send` that are written exactly as listed: same order, same repeats, same bytes, null values
 * too. The object is opaque; only a client made by `createKafka` understands it.
 */
export function asKafkajsHeaders(list: HeaderList): IHeaders {
  return { [headerListKey]: list } as IHeaders;
}

/** The headers that kafkajs' own kind of object, or the opaque one of `asKafkajsHeaders`, stands for. */
export function listOf(headers: IHeaders): HeaderList {
  const held = heldList(headers);
  if (held !== undefined) return held;
  return Object.keys(headers).flatMap((name) => {
    const value = headers[name];
    const key = Buffer.from(name);
    return (Array.isArray(value) ? value : [value]).map((each) => ({ key, value: bytesOf(each) }));
  });
}

/** kafkajs' kind of object for a list: names as text, an array where a name is repeated. It has no prototype. */
export function objectOf(list: HeaderList): IHeaders {
  const headers: Record<string, Buffer | null | (Buffer | null)[]> = Object.create(null);
  for (const { key, value } of list) {
    const name = key.toString("utf8");
    const earlier = headers[name];
    if (Array.isArray(earlier)) earlier.push(value);
    else headers[name] = earlier === undefined ? value : [earlier, value];
  }
  // kafkajs' types deny null values, which Kafka has and kafkajs delivers.
  return headers as IHeaders;
}

/** Kafka's own form of a record's headers: a varint count, then names and values, each after its varint length. */
export function encodeHeaders(list: HeaderList): Buffer {
  const buffer = Buffer.allocUnsafe(sizeOfHeaders(list));
  writeHeaders(list, buffer, 0);
  return buffer;
}

/**
 * Reads what `encodeHeaders` or Kafka wrote; the list shares the buffer's memory.
 *
 * @throws MalformedError when the bytes are something else.
 */
export function decodeHeaders(buffer: Buffer): HeaderList {
  const reader = new WireReader(buffer);
  const list = readHeaders(reader);
  if (reader.remaining > 0) throw new MalformedError(`${reader.remaining} bytes follow the headers`);
  return list;
}

/** How many headers such bytes hold, without reading them. */
export function countHeaders(buffer: Buffer): number {
  return new WireReader(buffer).varInt();
}

export function readHeaders(reader: WireReader): HeaderList {
  const count = reader.varInt();
  if (count === 0) return none;
  // A header takes two bytes at least: a forged count must not reserve memory.
  if (count < 0 || count > reader.remaining / 2) throw new MalformedError(`a record claims ${count} headers`);
  const list: Header[] = [];
  for (let i = 0; i < count; i++) {
    const key = reader.varBytes();
    if (key === null) throw new MalformedError("a header has no name");
    list.push({ key, value: reader.varBytes() });
  }
  return list;
}

/** The bytes that `writeHeaders` takes. */
export function sizeOfHeaders(list: HeaderList): number {
  return list.reduce(
    (size, { key, value }) => size + sizeOfVarBytes(key) + sizeOfVarBytes(value),
    sizeOfVarInt(list.length),
  );
}

/** Writes the headers in Kafka's own form and returns the offset after them. */
export function writeHeaders(list: HeaderList, target: Buffer, offset: number): number {
  return list.reduce(
    (at, { key, value }) => writeVarBytes(value, target, writeVarBytes(key, target, at)),
    writeVarInt(list.length, target, offset),
  );
}

function heldList(holder: object): HeaderList | undefined {
  return (holder as { readonly [headerListKey]?: HeaderList })[headerListKey];
}
