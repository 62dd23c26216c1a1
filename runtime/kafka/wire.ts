/**
 * Kafka's wire encoding, as far as records need it. Unlike kafkajs' own decoder this one never reads past the end of
 * its buffer: what does not fit is an error, not zeros.
 */

/** Bytes that are not what Kafka's format says. Nothing of their content is in the message. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

export class WireReader {
  offset: number;

  constructor(
    readonly bytes: Buffer,
    offset = 0,
    readonly end = bytes.length,
  ) {
    this.offset = offset;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8));
  }

  /** A varint of at most 32 bits, without a sign. */
  unsignedVarInt(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw new MalformedError("a varint has more than 5 bytes");
  }

  /** A zigzag varint of at most 32 bits. */
  varInt(): number {
    const zigzag = this.unsignedVarInt();
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  /** A zigzag varint of at most 64 bits; a number where it is exact, because BigInt costs a microsecond a record. */
  varLong(): number | bigint {
    const start = this.offset;
    let low = 0;
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const byte = this.byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
    }
    this.offset = start;
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (result >> 1n) ^ -(result & 1n));
    }
    throw new MalformedError("a varlong has more than 10 bytes");
  }

  /** Bytes after their varint length, which is -1 for null. A view, not a copy. */
  varBytes(): Buffer | null {
    const length = this.varInt();
    if (length === -1) return null;
    if (length < 0) throw new MalformedError(`a length is ${length}`);
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Moves on by `length` bytes and returns where they begin. */
  take(length: number): number {
    const start = this.offset;
    if (length < 0 || length > this.end - start) throw new MalformedError("the bytes end too early");
    this.offset = start + length;
    return start;
  }

  private byte(): number {
    const byte = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (byte === undefined) throw new MalformedError("the bytes end too early");
    this.offset += 1;
    return byte;
  }
}

/** What kafkajs takes for a key, a value or a header, as bytes. */
export function bytesOf(value: Buffer | string | null | undefined): Buffer | null {
  return value === null || value === undefined ? null : Buffer.isBuffer(value) ? value : Buffer.from(String(value));
}

/** The bytes that `writeVarInt` takes for this 32-bit number. */
export function sizeOfVarInt(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes a 32-bit number as a zigzag varint and returns the offset after it. */
export function writeVarInt(value: number, target: Buffer, offset: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = offset;
  while (zigzag >= 0x80) {
    target[at++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  target[at++] = zigzag;
  return at;
}

/** The bytes that `writeVarBytes` takes. */
export function sizeOfVarBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarInt(bytes.length) + bytes.length;
}

/** Writes bytes after their varint length, -1 for null, and returns the offset after them. */
export function writeVarBytes(bytes: Buffer | null, target: Buffer, offset: number): number {
  const at = writeVarInt(bytes === null ? -1 : bytes.length, target, offset);
  return bytes === null ? at : at + bytes.copy(target, at);
}

/** The bytes that `writeVarLong` takes. */
export function sizeOfVarLong(value: bigint): number {
  let size = 1;
  for (let zigzag = zigzag64(value) >> 7n; zigzag > 0n; zigzag >>= 7n) size += 1;
  return size;
}

/** Writes a 64-bit number as a zigzag varint and returns the offset after it. */
export function writeVarLong(value: bigint, target: Buffer, offset: number): number {
  let zigzag = zigzag64(value);
  let at = offset;
  for (; zigzag >= 0x80n; zigzag >>= 7n) target[at++] = Number(zigzag & 0x7fn) | 0x80;
  target[at++] = Number(zigzag);
  return at;
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}
