import { deflateRawSync } from "node:zlib";
import { undecodableOf } from "../undecodable";
import { consume, logBatch, NOW, sealed } from "./fetch-fixture";
import { installCorrections } from "./install";

installCorrections();

const values = (count: number, prefix = "v") => Array.from({ length: count }, (_, i) => ({ value: `${prefix}${i}` }));
const valuesOf = (consumed: { messages: readonly { value: Buffer | null }[] }) =>
  consumed.messages.map(({ value }) => value?.toString());

test("200,000 records in one fetched batch are delivered (kafkajs: RangeError)", async () => {
  const consumed = await consume([await logBatch(values(200_000))]);
  expect(consumed.messages).toHaveLength(200_000);
  expect(consumed.messages.at(-1)?.offset).toBe("199999");
});

test.each([4, 5, 6, 7, 8, 9, 10, 11])("an answer of version %i is read", async (version) => {
  const messages = [
    { key: "k", value: "v", timestamp: "1700000000123", headers: { h: "1" } },
    { key: null, value: null, timestamp: "-1" },
    { key: "", value: "" },
  ];
  const consumed = await consume([await logBatch(messages, { baseOffset: 7n })], { version, highWatermark: 10n });
  expect(consumed.messages.map(({ offset, timestamp, key, value }) => ({ offset, timestamp, key, value }))).toEqual([
    { offset: "7", timestamp: "1700000000123", key: Buffer.from("k"), value: Buffer.from("v") },
    { offset: "8", timestamp: "-1", key: null, value: null },
    { offset: "9", timestamp: String(NOW), key: Buffer.alloc(0), value: Buffer.alloc(0) },
  ]);
  expect(consumed.lastOffset()).toBe("9");
});

test("offsets and times beyond 2^53 are exact", async () => {
  const far = 2n ** 60n;
  const batch = await logBatch(
    [
      { value: "a", timestamp: String(far + 1n) },
      { value: "b", timestamp: "1" },
    ],
    {
      baseOffset: far,
    },
  );
  const { messages } = await consume([batch], { highWatermark: far + 10n });
  expect(messages.map(({ offset }) => BigInt(offset))).toEqual([far, far + 1n]);
  expect(messages.map(({ timestamp }) => BigInt(timestamp))).toEqual([far + 1n, 1n]);
});

test("records below the offset that was asked for are not delivered", async () => {
  const consumed = await consume([await logBatch(values(5))], { fetchedOffset: 3n });
  expect(valuesOf(consumed)).toEqual(["v3", "v4"]);
});

test("a batch of which only the beginning was sent waits for the next fetch", async () => {
  const second = await logBatch(values(3), { baseOffset: 2n });
  for (const length of [5, 16, 40, second.length - 1]) {
    const consumed = await consume([await logBatch(values(2)), second.subarray(0, length)]);
    expect(valuesOf(consumed)).toEqual(["v0", "v1"]);
    expect(consumed.lastOffset()).toBe("1");
  }
});

test("a first batch that is not whole, or has an impossible length, fails the fetch instead of passing over it", async () => {
  const batch = await logBatch(values(2));
  await expect(consume([batch.subarray(0, 50)])).rejects.toThrow("not whole");
  batch.writeInt32BE(3, 8);
  await expect(consume([batch])).rejects.toThrow("15 bytes");
});

test("a batch from whose end records were compacted away is moved past", async () => {
  const batch = await logBatch(values(2));
  batch.writeInt32BE(9, 23);
  const consumed = await consume([sealed(batch)]);
  expect(valuesOf(consumed)).toEqual(["v0", "v1"]);
  expect(consumed.lastOffset()).toBe("9");
});

// G1. Fails when a batch's end is taken from the high watermark alone: the record after it is then ingested a second time.
test("a high watermark from before the last batch came does not move the consumer back into it", async () => {
  for (const highWatermark of [54n, 55n, 56n]) {
    const consumed = await consume([await logBatch(values(2), { baseOffset: 54n })], {
      fetchedOffset: 54n,
      highWatermark,
    });
    expect(valuesOf(consumed)).toEqual(["v0", "v1"]);
    expect(consumed.lastOffset()).toBe("55");
  }
});

describe("an undecodable batch", () => {
  const good = (baseOffset: bigint) => logBatch(values(2, "good"), { baseOffset });
  const told = async (bad: Buffer, answer = {}) => {
    const consumed = await consume([bad, await good(5n)], answer);
    expect(valuesOf(consumed)).toEqual([undefined, "good0", "good1"]);
    const [first] = consumed.messages;
    return first && undecodableOf(first);
  };

  // Fails when records are taken as they come: the position would end at the lower one, and the other be read again.
  test("whose records are not in the order of their offsets is told as its range", async () => {
    const bad = await logBatch(values(2));
    const deltaAt = { first: 64, second: 64 + bad.readUInt8(61) / 2 + 1 };
    [bad[deltaAt.first], bad[deltaAt.second]] = [bad.readUInt8(deltaAt.second), bad.readUInt8(deltaAt.first)];
    expect(await told(sealed(bad))).toMatchObject({
      firstOffset: 0n,
      lastOffset: 1n,
      error: expect.stringContaining("order"),
    });
  });

  test("with a damaged byte is told as its range, and what follows is delivered", async () => {
    const bad = await logBatch(values(5));
    bad[80] = 0xff;
    expect(await told(bad)).toEqual({
      firstOffset: 0n,
      lastOffset: 4n,
      recordCount: 5,
      error: "a record batch does not match its checksum",
    });
  });

  test("with an unknown codec, with garbage for each known codec, and with a forged count", async () => {
    for (const codec of [1, 2, 3, 4, 5, 6, 7]) {
      const bad = await logBatch(values(5));
      bad.writeInt16BE(codec, 21);
      expect(await told(sealed(bad))).toMatchObject({ lastOffset: 4n, recordCount: 5 });
    }
    for (const count of [-5, 4, 6, 2_000_000_000]) {
      const bad = await logBatch(values(5));
      bad.writeInt32BE(count, 57);
      expect(await told(sealed(bad))).toMatchObject({ lastOffset: 4n });
    }
    const unknown = await logBatch(values(5));
    unknown.writeInt8(3, 16);
    expect(await told(unknown)).toMatchObject({ error: "a record batch has the unknown format 3" });
  });

  test("does not move the position over good records, whatever last offset it claims", async () => {
    const bad = await logBatch(values(5));
    bad.writeInt32BE(1_000_000, 23);
    bad[80] = 0xff;
    expect(await told(bad)).toMatchObject({ firstOffset: 0n, lastOffset: 4n });
    const alone = await consume([bad], { highWatermark: 5n });
    expect(alone.lastOffset()).toBe("4");
    bad.writeInt32BE(-7, 23);
    expect((await consume([bad])).lastOffset()).toBe("0");
  });

  test("is marked as one message with the batch's last offset, without key and value", async () => {
    const bad = await logBatch(values(5));
    bad[80] = 0xff;
    const { messages } = await consume([bad], { fetchedOffset: 2n });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ offset: "4", key: null, value: null, timestamp: "-1" });
    expect(messages.map(undecodableOf)).toMatchObject([{ firstOffset: 0n }]);
  });

  test("is never made of an ordinary record", async () => {
    const { messages } = await consume([await good(0n)]);
    expect(messages.map(undecodableOf)).toEqual([undefined, undefined]);
  });
});

test("random damage neither throws nor hangs nor costs the batch that follows", async () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 500; round++) {
    const bad = await logBatch(values(5), { codec: round % 5 });
    for (let i = 0; i < 3; i++) bad[21 + random(bad.length - 21)] = random(256);
    const consumed = await consume([
      round % 2 ? bad : sealed(bad),
      await logBatch([{ value: "good" }], { baseOffset: 5n }),
    ]);
    expect(valuesOf(consumed).at(-1)).toBe("good");
    expect(Number(consumed.lastOffset())).toBe(5);
  }
});

test("many bombs in one answer do not add up: what has not been expanded waits for the next fetch", async () => {
  const bomb = (baseOffset: bigint) => logBatch([{ value: "\0".repeat(40 * 1_048_576) }], { baseOffset, codec: 1 });
  const consumed = await consume([await bomb(0n), await bomb(1n), await bomb(2n), await bomb(3n)]);
  expect(consumed.messages.map(({ offset }) => offset)).toEqual(["0", "1"]);
  expect(consumed.lastOffset()).toBe("1");
});

test("deflated data without gzip's frame is not taken for gzip", async () => {
  const batch = await logBatch([{ value: "x" }]);
  const packed = deflateRawSync(batch.subarray(61));
  const bad = Buffer.concat([batch.subarray(0, 61), packed]);
  bad.writeInt32BE(bad.length - 12, 8);
  bad.writeInt16BE(1, 21);
  const { messages } = await consume([sealed(bad)]);
  expect(messages.map(undecodableOf)).toMatchObject([{ error: expect.stringContaining("gzip: ") }]);
});
