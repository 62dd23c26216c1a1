import { compressFrameSync, decompressFrameSync } from "lz4-napi";
import { MalformedError } from "../wire";
import { type Codec, tooLarge } from "./codec";

/** LZ4's frame format. The library has no limit of its own, so the frame is measured before it is expanded. */
export const lz4: Codec = {
  name: "lz4",
  pack: (plain) => compressFrameSync(plain),
  expand: (packed, limit) => {
    if (expandedSize(packed, limit) > limit) throw tooLarge(limit);
    return decompressFrameSync(packed);
  },
};

const MAGIC = 0x184d2204;
/** Set in a block's length when its bytes are not compressed. */
const PLAIN = 0x8000_0000;

/**
 * How many bytes the frame expands to: an upper bound where that is enough to stay within the limit (no block is larger
 * than the frame's block size), otherwise the exact number, or any number over the limit.
 */
function expandedSize(packed: Buffer, limit: number): number {
  const blocks = blocksOf(packed);
  const bound = blocks.reduce((sum, block) => sum + (block.isPlain ? block.bytes.length : block.maxSize), 0);
  if (bound <= limit) return bound;
  let size = 0;
  for (const block of blocks) {
    size += block.isPlain ? block.bytes.length : blockSize(block.bytes);
    if (size > limit) return size;
  }
  return size;
}

interface Block {
  readonly bytes: Buffer;
  readonly isPlain: boolean;
  readonly maxSize: number;
}

/** The blocks of the first frame, which is all that Java's clients and the library read. */
function blocksOf(packed: Buffer): Block[] {
  let at = 0;
  const uint32 = (): number => {
    if (at + 4 > packed.length) throw new MalformedError("an LZ4 frame ends too early");
    at += 4;
    return packed.readUInt32LE(at - 4);
  };
  if (uint32() !== MAGIC) throw new MalformedError("an LZ4 frame does not begin with its magic number");
  const flags = packed[at] ?? 0;
  const sizeCode = ((packed[at + 1] ?? 0) >> 4) & 7;
  if (sizeCode < 4) throw new MalformedError("an LZ4 frame has an unknown block size");
  const maxSize = 1 << (2 * sizeCode + 8);
  // Two bytes of description, then the content's size and the dictionary where flagged, then a checksum byte.
  at += 3 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0);
  const blocks: Block[] = [];
  for (let length = uint32(); length !== 0; length = uint32()) {
    const end = at + (length % PLAIN);
    if (end > packed.length) throw new MalformedError("an LZ4 block ends too early");
    blocks.push({ bytes: packed.subarray(at, end), isPlain: length >= PLAIN, maxSize });
    at = end + (flags & 16 ? 4 : 0);
  }
  return blocks;
}

/** Adds up a block's literals and matches without copying them. What is malformed is left to the library to refuse. */
function blockSize(block: Buffer): number {
  let at = 0;
  let size = 0;
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; sum += byte) byte = block[at++] ?? 0;
    return sum;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = length(token >> 4);
    size += literals;
    at += literals + 2;
    if (at < block.length) size += length(token & 15) + 4;
  }
  return size;
}
