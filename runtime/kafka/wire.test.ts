import {
  MalformedError,
  sizeOfVarInt,
  sizeOfVarLong,
  WireReader,
  writeVarBytes,
  writeVarInt,
  writeVarLong,
} from "./wire";

const ints = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1 << 20, 1 << 27, 2 ** 31 - 1, -(2 ** 31)];
const longs = [...ints.map(BigInt), 1n << 40n, -(1n << 41n), (1n << 53n) + 1n, (1n << 63n) - 1n, -(1n << 63n)];

test.each(ints)("varint %p comes back and takes the announced bytes", (value) => {
  const bytes = Buffer.alloc(5);
  const end = writeVarInt(value, bytes, 0);
  expect(end).toBe(sizeOfVarInt(value));
  expect(new WireReader(bytes, 0, end).varInt()).toBe(value);
});

test.each(longs)("varlong %p comes back and takes the announced bytes", (value) => {
  const bytes = Buffer.alloc(10);
  const end = writeVarLong(value, bytes, 0);
  expect(end).toBe(sizeOfVarLong(value));
  expect(BigInt(new WireReader(bytes, 0, end).varLong())).toBe(value);
});

test("a varint whose bytes end too early, or never end, is malformed", () => {
  expect(() => new WireReader(Buffer.from([0x80])).varInt()).toThrow(MalformedError);
  expect(() => new WireReader(Buffer.alloc(20, 0x80)).varInt()).toThrow("more than 5 bytes");
  expect(() => new WireReader(Buffer.alloc(20, 0x80)).varLong()).toThrow("more than 10 bytes");
});

test("nothing is read past the end that was given, also where the buffer goes on", () => {
  const bytes = Buffer.alloc(16, 1);
  expect(() => new WireReader(bytes, 0, 7).int64()).toThrow(MalformedError);
  expect(() => new WireReader(bytes, 0, 0).varInt()).toThrow(MalformedError);
  writeVarInt(9, bytes, 0);
  expect(() => new WireReader(bytes, 0, 9).varBytes()).toThrow(MalformedError);
  expect(new WireReader(bytes, 0, 10).varBytes()).toHaveLength(9);
});

test("null bytes and empty bytes stay apart", () => {
  const bytes = Buffer.alloc(2);
  writeVarBytes(Buffer.alloc(0), bytes, writeVarBytes(null, bytes, 0));
  const reader = new WireReader(bytes);
  expect(reader.varBytes()).toBeNull();
  expect(reader.varBytes()).toEqual(Buffer.alloc(0));
});

test("a length below -1 is malformed", () => {
  const bytes = Buffer.alloc(1);
  writeVarInt(-2, bytes, 0);
  expect(() => new WireReader(bytes).varBytes()).toThrow("a length is -2");
});
