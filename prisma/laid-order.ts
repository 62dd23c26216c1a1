/**
 * An order in one piece, as it comes from Postgres and as a cache keeps it: the document's digest (32 bytes), the id's
 * length, the id in UTF-8, the document's length, the document. Lengths have 32 bits, big-endian.
 *
 * It is what `COPY … (FORMAT binary)` writes for these three columns after the first one's length, so that a row is kept
 * by one copy, and nothing is made for it that the garbage collector would have to look at.
 */
export interface LaidOrder {
  readonly bytes: Buffer;
  /** Where it begins in them, and where it ends. */
  readonly from: number;
  readonly to: number;
}

/** The columns that come in this form, in their order. */
export const LAID_COLUMNS = `"sha256", "id", "document"`;

export const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;

/** Lays out an order that came in parts. */
export function layOut(order: {
  readonly id: string;
  /** The published bytes. */
  readonly document: Uint8Array;
  /** The document's digest, 32 bytes. */
  readonly sha256: Uint8Array;
}): LaidOrder {
  const id = Buffer.from(order.id);
  const bytes = Buffer.concat([order.sha256, lengthOf(id), id, lengthOf(order.document), order.document]);
  return { bytes, from: 0, to: bytes.length };
}

function lengthOf({ length }: Uint8Array): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32BE(length);
  return bytes;
}

// Of an order that lies in `bytes` from an offset on, where its parts begin and end.

export function idStart(from: number): number {
  return from + DIGEST_BYTES + LENGTH_BYTES;
}

export function idEnd(bytes: Buffer, from: number): number {
  return idStart(from) + bytes.readUInt32BE(from + DIGEST_BYTES);
}

export function documentStart(bytes: Buffer, from: number): number {
  return idEnd(bytes, from) + LENGTH_BYTES;
}

export function documentEnd(bytes: Buffer, from: number): number {
  const start = documentStart(bytes, from);
  return start + bytes.readUInt32BE(start - LENGTH_BYTES);
}
