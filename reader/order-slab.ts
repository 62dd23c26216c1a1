/**
 * A slab: a piece of memory that orders are written into one after the other, and that goes as a whole. What has been
 * written is never written over; once nobody refers to a slab any more, neither the cache nor an answer that is on its
 * way, the garbage collector takes it.
 *
 * A record is: the id's hash, the bytes of the document and of the id (32 bits each), the digest, the id in UTF-8, the
 * document.
 */
export interface Slab {
  readonly number: number;
  readonly bytes: Buffer;
  /** Where the next record goes. */
  used: number;
  orders: number;
}

/** An order as it goes out. */
export interface ReadyOrder {
  /** The published bytes; not to be written to. */
  readonly body: Buffer;
  /** A strong entity tag, with its quotes. */
  readonly etag: string;
}

/** An order as it comes in; the buffers are copied. */
export interface IncomingOrder {
  readonly id: string;
  readonly document: Uint8Array;
  readonly sha256: Uint8Array;
}

/** What a slab takes beside its bytes: its objects here and in V8, and what the allocator adds. */
export const SLAB_OVERHEAD_BYTES = 400;

const DOCUMENT_BYTES_AT = 4;
const ID_BYTES_AT = 8;
const DIGEST_AT = 12;
const ID_AT = DIGEST_AT + 32;

export function createSlab(number: number, size: number): Slab {
  // Not from Buffer's pool, and not filled with zeros: what is not used yet takes no memory.
  return { number, bytes: Buffer.allocUnsafeSlow(size), used: 0, orders: 0 };
}

/** What an order takes in a slab. */
export function recordBytes({ id, document }: IncomingOrder): number {
  return ID_AT + Buffer.byteLength(id) + document.length;
}

/** Writes an order, for which there must be room, and returns its offset. */
export function writeRecord(slab: Slab, { id, document, sha256 }: IncomingOrder, hash: number): number {
  const { bytes, used: at } = slab;
  const idBytes = bytes.write(id, at + ID_AT);
  bytes.writeUInt32LE(hash, at);
  bytes.writeUInt32LE(document.length, at + DOCUMENT_BYTES_AT);
  bytes.writeUInt32LE(idBytes, at + ID_BYTES_AT);
  bytes.set(sha256, at + DIGEST_AT);
  bytes.set(document, at + ID_AT + idBytes);
  slab.used = at + ID_AT + idBytes + document.length;
  slab.orders += 1;
  return at;
}

export function hasId({ bytes }: Slab, at: number, id: string): boolean {
  const from = at + ID_AT;
  const length = bytes.readUInt32LE(at + ID_BYTES_AT);
  // As many bytes as UTF-16 units: it is ASCII, or another id. Compared like this it needs no string.
  if (length !== id.length) return length > id.length && bytes.toString("utf8", from, from + length) === id;
  for (let unit = 0; unit < length; unit++) {
    const code = id.charCodeAt(unit);
    if (code !== bytes[from + unit] || code > 0x7f) return false;
  }
  return true;
}

export function hasDigest({ bytes }: Slab, at: number, sha256: Uint8Array): boolean {
  return bytes.compare(sha256, 0, sha256.length, at + DIGEST_AT, at + ID_AT) === 0;
}

/** The order at an offset. Its body is a view, which keeps the slab's memory as long as somebody has it. */
export function readRecord({ bytes }: Slab, at: number): ReadyOrder {
  const from = at + ID_AT + bytes.readUInt32LE(at + ID_BYTES_AT);
  return {
    body: bytes.subarray(from, from + bytes.readUInt32LE(at + DOCUMENT_BYTES_AT)),
    etag: `"${bytes.toString("hex", at + DIGEST_AT, at + ID_AT)}"`,
  };
}

/** All records of a slab: the hashes of their ids, and their offsets. */
export function* recordsOf({ bytes, used }: Slab): Generator<{ hash: number; at: number }> {
  for (let at = 0; at < used; ) {
    yield { hash: bytes.readUInt32LE(at), at };
    at += ID_AT + bytes.readUInt32LE(at + ID_BYTES_AT) + bytes.readUInt32LE(at + DOCUMENT_BYTES_AT);
  }
}
