import { endianness } from "node:os";

/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Table 0 steps by one byte; table n is table 0 followed by n zero bytes. */
const tables = makeTables();

const isLittleEndian = endianness() === "LE";

/**
 * CRC-32C, which guards Kafka's record batches, by two aligned words at a step, in half of the time of kafkajs', which
 * goes byte by byte.
 *
 * The long line stays as it is: reading words through `readInt32LE`, or looking up through a function, takes five times as long.
 */
export function crc32c(bytes: Buffer): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  if (!isLittleEndian || bytes.length < 8) return ~byByte(-1, bytes, 0, bytes.length) >>> 0;
  const toAlignment = -bytes.byteOffset & 3;
  let crc = byByte(-1, bytes, 0, toAlignment);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + toAlignment, ((bytes.length - toAlignment) >>> 3) << 1);
  for (let i = 0; i < words.length; i += 2) {
    const x = crc ^ (words[i] ?? 0);
    const y = words[i + 1] ?? 0;
    // biome-ignore format: one line for each word
    crc =
      (t7[x & 0xff] ?? 0) ^ (t6[(x >>> 8) & 0xff] ?? 0) ^ (t5[(x >>> 16) & 0xff] ?? 0) ^ (t4[x >>> 24] ?? 0) ^
      (t3[y & 0xff] ?? 0) ^ (t2[(y >>> 8) & 0xff] ?? 0) ^ (t1[(y >>> 16) & 0xff] ?? 0) ^ (t0[y >>> 24] ?? 0);
  }
  return ~byByte(crc, bytes, toAlignment + words.byteLength, bytes.length) >>> 0;
}

function byByte(start: number, bytes: Buffer, from: number, to: number): number {
  const [table] = tables;
  let crc = start;
  for (let i = from; i < to; i++) crc = (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return crc;
}

type Tables = readonly [
  ...[Int32Array, Int32Array, Int32Array, Int32Array],
  ...[Int32Array, Int32Array, Int32Array, Int32Array],
];

function makeTables(): Tables {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const after = (table: Int32Array): Int32Array => table.map((crc) => (first[crc & 0xff] ?? 0) ^ (crc >>> 8));
  const t1 = after(first);
  const t2 = after(t1);
  const t3 = after(t2);
  const t4 = after(t3);
  const t5 = after(t4);
  const t6 = after(t5);
  return [first, t1, t2, t3, t4, t5, t6, after(t6)];
}
