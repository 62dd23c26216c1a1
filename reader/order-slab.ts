import { DIGEST_BYTES, documentEnd, documentStart, idEnd, idStart, type LaidOrder } from "../prisma/laid-order";

/**
 * A slab: a piece of memory that orders are written into one after the other, and that goes as a whole. What has been
 * written is never written over; once nobody refers to a slab any more, neither the cache nor an answer that is on its
 * way, the garbage collector takes it.
 *
 * A record is the id's hash (32 bits) and the order as it came (prisma/laid-order.ts).
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

/** What a slab takes beside its bytes: its objects here and in V8, and what the allocator adds. */
export const SLAB_OVERHEAD_BYTES = 400;

const HASH_BYTES = 4;

/**
 * Either way what is not used yet takes no memory.
 *
 * @param isCounted whether V8 counts it as memory that collecting garbage may give back, and so collects each time that
 * some ten to seventy MB have come. While nothing goes this is for nothing: sixty times while a million orders are read, and
 * every second or two while 5,000 orders a second come in, when requests wait 20 to 50 ms for it. What goes without having
 * been counted is found when something else makes V8 collect.
 */
export function createSlab(number: number, size: number, isCounted: boolean): Slab {
  const bytes = isCounted ? Buffer.allocUnsafeSlow(size) : Buffer.from(new SharedArrayBuffer(size));
  return { number, bytes, used: 0, orders: 0 };
}

/** What an order takes in a slab. */
export function recordBytes({ from, to }: LaidOrder): number {
  return HASH_BYTES + to - from;
}

/** Writes an order, for which there must be room, and returns its offset. */
export function writeRecord(slab: Slab, { bytes, from, to }: LaidOrder, hash: number): number {
  const at = slab.used;
  slab.bytes.writeUInt32LE(hash, at);
  // Not `copy`, which Node 20 has copy byte by byte what other threads could see.
  slab.bytes.fill(bytes.subarray(from, to), at + HASH_BYTES, at + HASH_BYTES + to - from);
  slab.used = at + HASH_BYTES + to - from;
  slab.orders += 1;
  return at;
}

export function hasId({ bytes }: Slab, at: number, id: string): boolean {
  const from = idStart(at + HASH_BYTES);
  const to = idEnd(bytes, at + HASH_BYTES);
  // As many bytes as UTF-16 units: it is ASCII, or another id. Compared like this it needs no string.
  if (to - from !== id.length) return to - from > id.length && bytes.toString("utf8", from, to) === id;
  for (let unit = 0; unit < id.length; unit++) {
    const code = id.charCodeAt(unit);
    if (code !== bytes[from + unit] || code > 0x7f) return false;
  }
  return true;
}

/** Whether the id at an offset is that of an order. */
export function hasSameId({ bytes }: Slab, at: number, order: LaidOrder): boolean {
  const here = at + HASH_BYTES;
  const there = idStart(order.from);
  return bytes.compare(order.bytes, there, idEnd(order.bytes, order.from), idStart(here), idEnd(bytes, here)) === 0;
}

export function hasSameDigest({ bytes }: Slab, at: number, order: LaidOrder): boolean {
  const here = at + HASH_BYTES;
  return bytes.compare(order.bytes, order.from, order.from + DIGEST_BYTES, here, here + DIGEST_BYTES) === 0;
}

/** The order at an offset. Its body is a view, which keeps the slab's memory as long as somebody has it. */
export function readRecord({ bytes }: Slab, at: number): ReadyOrder {
  const from = at + HASH_BYTES;
  return {
    body: bytes.subarray(documentStart(bytes, from), documentEnd(bytes, from)),
    etag: `"${bytes.toString("hex", from, from + DIGEST_BYTES)}"`,
  };
}

/** All records of a slab: the hashes of their ids, and their offsets. */
export function* recordsOf({ bytes, used }: Slab): Generator<{ hash: number; at: number }> {
  for (let at = 0; at < used; at = documentEnd(bytes, at + HASH_BYTES)) yield { hash: bytes.readUInt32LE(at), at };
}
