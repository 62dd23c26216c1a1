import { compressSync, uncompressSync } from "snappy";
import { MalformedError, WireReader } from "../wire";
import { type Codec, tooLarge } from "./codec";

/**
 * Snappy as Java's clients write it: snappy-java's stream, which is a header and then raw Snappy blocks after their
 * lengths. Other clients (librdkafka, Go's) write one raw block; that is read too.
 */
export const snappy: Codec = {
  name: "snappy",
  pack: (plain) => {
    const parts: Buffer[] = [header];
    for (let at = 0; at < plain.length; at += BLOCK_BYTES) {
      const block = compressSync(plain.subarray(at, at + BLOCK_BYTES), copied);
      const length = Buffer.allocUnsafe(4);
      length.writeInt32BE(block.length);
      parts.push(length, block);
    }
    return Buffer.concat(parts);
  },
  expand: (packed, limit) => {
    const isStream = packed.length >= header.length && packed.subarray(0, magic.length).equals(magic);
    const blocks = isStream ? blocksOf(packed) : [packed];
    const size = blocks.reduce((sum, block) => sum + declaredSize(block), 0);
    if (size > limit) throw tooLarge(limit);
    const plain = blocks.map((block) => Buffer.from(uncompressSync(block, copied)));
    return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain);
  },
};

/** snappy-java's own block size; its reader takes others as well. */
const BLOCK_BYTES = 32 * 1024;

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** After the magic bytes: version 1, readable since version 1. */
const header = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);

/** Copying is five times as fast for our sizes as handing over native memory (0.9 against 4.5 µs an order). */
const copied = { copyOutputData: true } as const;

function blocksOf(packed: Buffer): Buffer[] {
  const reader = new WireReader(packed, header.length);
  const blocks: Buffer[] = [];
  while (reader.remaining > 0) {
    const length = reader.int32();
    const start = reader.take(length);
    blocks.push(packed.subarray(start, start + length));
  }
  return blocks;
}

/** A raw block begins with its expanded size as an unsigned varint; the library refuses a block that breaks its word. */
function declaredSize(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return size;
  }
  throw new MalformedError("a Snappy block has no size");
}
