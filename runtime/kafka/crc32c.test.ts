import { randomBytes } from "node:crypto";
import { crc32c } from "./crc32c";

const byKafkajs = require("kafkajs/src/protocol/recordBatch/crc32C") as (bytes: Buffer) => number;

test("the checksum of the standard's test vector is the standard's", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

test("it agrees with a byte-by-byte implementation at every length and alignment", () => {
  const bytes = randomBytes(300);
  for (let length = 0; length < 60; length++) {
    for (let start = 0; start < 9; start++) {
      const part = bytes.subarray(start, start + length);
      expect(crc32c(part)).toBe(byKafkajs(part));
    }
  }
  expect(crc32c(bytes)).toBe(byKafkajs(bytes));
});
