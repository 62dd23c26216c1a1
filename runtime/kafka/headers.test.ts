import type { KafkaMessage } from "kafkajs";
import {
  asKafkajsHeaders,
  decodeHeaders,
  encodeHeaders,
  type Header,
  headerBytesOf,
  headersOf,
  listOf,
  objectOf,
} from "./headers";
import { MalformedError } from "./wire";

const header = (key: string, value: string | null): Header => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

const awkward: readonly Header[] = [
  header("b", "1"),
  header("__proto__", "2"),
  header("a", null),
  header("b", ""),
  header("constructor", "3"),
  header("", "nameless"),
  { key: Buffer.from([0xff, 0xfe]), value: Buffer.from([0, 0xff]) },
  header("b", "1"),
];

test("a list comes back from Kafka's form: order, repeats, nulls and names that are not UTF-8", () => {
  expect(decodeHeaders(encodeHeaders(awkward))).toEqual(awkward);
  expect(decodeHeaders(encodeHeaders([]))).toEqual([]);
});

test("Kafka's form is the count, then lengths and bytes, all as zigzag varints", () => {
  expect(encodeHeaders([header("k", "vw"), header("n", null)])).toEqual(
    Buffer.from([4, 2, 0x6b, 4, 0x76, 0x77, 2, 0x6e, 1]),
  );
});

test("a forged count, a null name and bytes that follow are malformed", () => {
  expect(() => decodeHeaders(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]))).toThrow(MalformedError);
  expect(() => decodeHeaders(Buffer.from([2, 1, 1]))).toThrow("no name");
  expect(() => decodeHeaders(Buffer.concat([encodeHeaders(awkward), Buffer.alloc(1)]))).toThrow("1 bytes follow");
  expect(() => decodeHeaders(encodeHeaders(awkward).subarray(0, -1))).toThrow(MalformedError);
});

test("an opaque object stands for its list, an ordinary one for its entries", () => {
  expect(listOf(asKafkajsHeaders(awkward))).toBe(awkward);
  expect(listOf({ a: "1", b: [Buffer.from("2"), "3"], c: undefined })).toEqual([
    header("a", "1"),
    header("b", "2"),
    header("b", "3"),
    header("c", null),
  ]);
});

test("kafkajs' kind of object has the names of Object.prototype as ordinary entries", () => {
  const headers = objectOf(awkward);
  expect(Object.keys(headers)).toContain("__proto__");
  expect(Object.entries(headers)).toContainEqual(["__proto__", Buffer.from("2")]);
  expect(headers["constructor"]).toEqual(Buffer.from("3"));
  expect(headers["toString"]).toBeUndefined();
  expect(headers["b"]).toEqual([Buffer.from("1"), Buffer.from(""), Buffer.from("1")]);
  expect(headers["a"]).toBeNull();
});

test("a null that is repeated stays a list of nulls", () => {
  expect(objectOf([header("n", null), header("n", null), header("n", "x")])["n"]).toEqual([
    null,
    null,
    Buffer.from("x"),
  ]);
});

test("a message of an uncorrected client still has its headers, as far as kafkajs kept them", () => {
  const message = {
    key: null,
    value: null,
    timestamp: "0",
    attributes: 0,
    offset: "0",
    headers: { a: Buffer.from("1") },
  };
  expect(headersOf(message satisfies KafkaMessage)).toEqual([header("a", "1")]);
  expect(headerBytesOf(message)).toEqual(encodeHeaders([header("a", "1")]));
});
