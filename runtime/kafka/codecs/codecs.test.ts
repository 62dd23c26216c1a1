import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { compressSync } from "snappy";
import { consume, logBatch } from "../corrections/fetch-fixture";
import { installCorrections } from "../corrections/install";
import { undecodableOf } from "../undecodable";
import type { Codec } from "./codec";
import { codecs, EXPANDED_LIMIT } from "./codecs";
import { gzip } from "./gzip";
import { lz4 } from "./lz4";
import { snappy } from "./snappy";
import { fromWasm, zstd } from "./zstd";

installCorrections();

const all: readonly (readonly [string, Codec])[] = [
  ["gzip", gzip],
  ["snappy", snappy],
  ["lz4", lz4],
  ["zstd", zstd],
  ["zstd by WebAssembly", fromWasm()],
];

const MIB = 1_048_576;

describe.each(all)("%s", (_, codec) => {
  beforeAll(async () => codec.ready?.());

  test.each([0, 1, 100, 32 * 1024, 32 * 1024 + 1, 5 * MIB])("brings %i bytes back", (size) => {
    for (const plain of [Buffer.alloc(size, "an order"), randomBytes(size)]) {
      expect(codec.expand(codec.pack(plain), EXPANDED_LIMIT).equals(plain)).toBe(true);
    }
  });

  test("expands to the limit and not a byte further", () => {
    for (const plain of [Buffer.alloc(3 * MIB), randomBytes(3 * MIB)]) {
      const packed = codec.pack(plain);
      expect(codec.expand(packed, 3 * MIB)).toHaveLength(3 * MIB);
      expect(() => codec.expand(packed, 3 * MIB - 1)).toThrow("expands to more than");
    }
  });

  test("refuses what is not its own, and what ends too early", () => {
    expect(() => codec.expand(Buffer.from("this was never packed at all, it is text"), MIB)).toThrow();
    const packed = codec.pack(randomBytes(1000));
    expect(() => codec.expand(packed.subarray(0, -20), MIB)).toThrow();
  });
});

test.each([...codecs])("a bomb packed with codec %i becomes an undecodable batch", async (number, codec) => {
  await codec.ready?.();
  const bomb = await logBatch([{ value: Buffer.alloc(EXPANDED_LIMIT + 1) }], { codec: number });
  expect(bomb.length).toBeLessThan(8 * MIB);
  const { messages } = await consume([bomb, await logBatch([{ value: "next" }], { baseOffset: 1n, codec: number })]);
  expect(messages.map(undecodableOf)).toMatchObject([
    { recordCount: 1, error: expect.stringContaining("expands to more than 64 MiB") },
    undefined,
  ]);
  expect(messages[1]?.value).toEqual(Buffer.from("next"));
});

test("gzip in several members, as a stream that was flushed into one, is read whole", () => {
  expect(gzip.expand(Buffer.concat([gzipSync("a"), gzipSync("b")]), MIB)).toEqual(Buffer.from("ab"));
});

test("Snappy as one raw block, as other clients write it, is read too", () => {
  expect(snappy.expand(Buffer.from(compressSync("order".repeat(100))), MIB)).toEqual(Buffer.from("order".repeat(100)));
});

test("a Snappy block that claims 4 GiB is refused by its claim", () => {
  expect(() => snappy.expand(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), MIB)).toThrow(
    "expands to more than 1 MiB",
  );
});

test("an LZ4 frame whose blocks could exceed the limit but do not is expanded", () => {
  expect(lz4.expand(lz4.pack(Buffer.from("order".repeat(100))), 16 * 1024)).toHaveLength(500);
});
