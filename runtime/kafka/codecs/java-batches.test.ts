import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consume } from "../corrections/fetch-fixture";
import { installCorrections } from "../corrections/install";
import { headersOf } from "../headers";
import { undecodableOf } from "../undecodable";

installCorrections();

/**
 * Batches of 50 records as Java's kafka-clients 4.3.1 wrote them, taken from a broker: 75 KB unpacked, more than a block
 * of Snappy (32 KB) and LZ4 (64 KB). Record 1 has no key, record 2 no value, record 3 the headers h, a (null) and h.
 */
const batches: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(__dirname, "java-batches.json"), "utf8"),
);

function expectedValue(index: number): string {
  let seed = index;
  let value = "";
  for (let k = 0; k < 1500; k++) {
    if (k % 30 === 0) seed = (seed * 48_271 + 11) % 2_147_483_647;
    value += k % 30 === 0 ? String(seed % 10) : String.fromCharCode(97 + (k % 26));
  }
  return value;
}

test.each(["gzip", "snappy", "lz4", "zstd"])("a batch that Java's client packed with %s is read", async (codec) => {
  const { messages } = await consume([Buffer.from(batches[codec] ?? "", "base64")]);
  expect(messages.map(undecodableOf)).toEqual(Array(50).fill(undefined));
  for (const [index, { key, value, timestamp, offset }] of messages.entries()) {
    expect(offset).toBe(String(index));
    expect(timestamp).toBe(String(1_700_000_000_000 + index));
    expect(key?.toString()).toBe(index === 1 ? undefined : `k${index}`);
    expect(value?.toString()).toBe(index === 2 ? undefined : expectedValue(index));
  }
  expect(messages.map(headersOf).map((list) => list.length)).toEqual(messages.map((_, index) => (index === 3 ? 3 : 0)));
  expect(messages.slice(3, 4).map(headersOf)).toEqual([
    [
      { key: Buffer.from("h"), value: Buffer.from("1") },
      { key: Buffer.from("a"), value: null },
      { key: Buffer.from("h"), value: Buffer.from("2") },
    ],
  ]);
});
