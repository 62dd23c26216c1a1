import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { Ajv, type ErrorObject } from "ajv";
import { findIdMistake } from "../prisma/order-id";
import { checkNumbers, countMembers, findDuplicateKey, measureShape, type NumberCheck, type Shape } from "./json-text";
import { orderFormats, orderSchema } from "./order-schema";

/** Why a record is no order. The first four are found by looking at it, the others by trying to store it. */
export const rejectReasons = ["deserialize", "schema", "oversize", "unstorable", "conflict", "crash"] as const;
export type RejectReason = (typeof rejectReasons)[number];

export interface AcceptedOrder {
  readonly kind: "accepted";
  readonly id: string;
  /** The record's value as it came. */
  readonly document: Buffer;
  /** SHA-256 of the document, 32 bytes. */
  readonly sha256: Buffer;
}

export interface RejectedValue {
  readonly kind: "rejected";
  readonly reason: RejectReason;
  /** The first mistakes, each a path into the document and what is expected there. Never a value: it is personal. */
  readonly errors: readonly string[];
}

export type Verdict = AcceptedOrder | RejectedValue;

/** The largest order, in bytes: far above any real one, and what PostgreSQL, the cache and a browser take at ease. */
export const MAX_DOCUMENT_BYTES = 1_048_576;
/** What is said of a record without a value; a batch that cannot be decoded has none either, and is another thing. */
export const TOMBSTONE = "/ is a tombstone: the record has no value";
const MAX_DEPTH = 32;
const MAX_REPORTED_ERRORS = 10;
/** A path may repeat a key of the document, of any length. */
const MAX_ERROR_LENGTH = 500;
/**
 * Above this many bytes only the first mistake is told: ajv collects all mistakes before any can be left out, and a
 * mebibyte of empty items has millions of them (15 s, 750 MB).
 */
const MAX_BYTES_FOR_ALL_MISTAKES = 16_384;

const PLAIN_NUMBERS: NumberCheck = { kind: "plain" };

/**
 * That the schema is one is a test's business: to look, ajv compiles the schema of schemas, which takes half of the time
 * that a program needs before it can judge anything.
 */
const ajvOptions = { formats: orderFormats, meta: false, validateSchema: false } as const;
const isOrder = new Ajv(ajvOptions).compile<{ order_uid: string }>(orderSchema);
const listMistakes = new Ajv({ ...ajvOptions, allErrors: true }).compile(orderSchema);

/**
 * Decides whether a record's value is a valid order. Pure; takes about three times as long as `JSON.parse`
 * alone (an order of 1.3 KB).
 *
 * Most of the work is done on a Latin-1 view of the bytes, which is made and parsed faster than the decoded text and
 * has the same structure, since all of JSON's own characters are ASCII. Only a text with `\u` escapes is decoded:
 * there, two different spellings of one key have to be recognised.
 *
 * @param value the record's value; null for a tombstone
 */
export function judge(value: Buffer | null): Verdict {
  if (value === null) return rejected("deserialize", TOMBSTONE);
  if (value.length === 0) return rejected("deserialize", "/ is empty");
  if (value.length > MAX_DOCUMENT_BYTES) {
    return rejected("oversize", `/ has ${value.length} bytes, more than ${MAX_DOCUMENT_BYTES}`);
  }
  if (!isUtf8(value)) return rejected("deserialize", "/ is not UTF-8");
  if (value[0] === 0xef && value[1] === 0xbb && value[2] === 0xbf) {
    return rejected("deserialize", "/ begins with a byte order mark");
  }

  // Before it is parsed: ten thousand nested arrays take JSON.parse a millisecond, and a storm of them all of the time.
  const shape = measureShape(value);
  if (shape.depth > MAX_DEPTH && shape.isEnclosed) {
    return rejected("schema", `/ is nested ${shape.depth} deep, more than ${MAX_DEPTH}`);
  }

  const isEscaped = value.includes("\\u");
  const text = isEscaped ? value.toString("utf8") : value.toString("latin1");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return rejected("deserialize", "/ is not JSON");
  }
  return judgeParsed({ value, text, parsed, isEscaped, shape });
}

interface Parsed {
  readonly value: Buffer;
  readonly text: string;
  readonly parsed: unknown;
  readonly isEscaped: boolean;
  readonly shape: Shape;
}

function judgeParsed({ value, text, parsed, isEscaped, shape: { members, hasUnusualNumber } }: Parsed): Verdict {
  if (countMembers(parsed) !== members) {
    return rejected("schema", `${decodePath(findDuplicateKey(text) ?? "/", isEscaped)} stands twice in one object`);
  }
  if (isEscaped && !isWellFormedText(parsed)) {
    return rejected("schema", "/ has an escape that stands for no character: \\u0000 or half of a surrogate pair");
  }
  const numbers = hasUnusualNumber ? checkNumbers(text) : PLAIN_NUMBERS;
  if (numbers.kind === "infinite") return rejected("schema", "/ has a number that is too large for a double");

  const checked: unknown = numbers.kind === "adjusted" ? JSON.parse(numbers.text) : parsed;
  if (!isOrder(checked)) {
    if (value.length <= MAX_BYTES_FOR_ALL_MISTAKES) listMistakes(checked);
    const mistakes = listMistakes.errors ?? isOrder.errors ?? [];
    listMistakes.errors = null;
    return rejected("schema", ...mistakes.slice(0, MAX_REPORTED_ERRORS).map(describe));
  }
  const id = isEscaped ? checked.order_uid : Buffer.from(checked.order_uid, "latin1").toString("utf8");
  const mistake = findIdMistake(id);
  if (mistake) return rejected("schema", `/order_uid ${mistake}`);
  return { kind: "accepted", id, document: value, sha256: hash("sha256", value, "buffer") };
}

function rejected(reason: RejectReason, ...errors: string[]): RejectedValue {
  return { kind: "rejected", reason, errors: errors.map((error) => error.slice(0, MAX_ERROR_LENGTH)) };
}

function describe({ instancePath, message }: ErrorObject): string {
  return `${instancePath || "/"} ${message ?? "is not as it has to be"}`;
}

/** Keys of unknown fields come out of the Latin-1 view; the report has them as they were written. */
function decodePath(path: string, isDecoded: boolean): string {
  return isDecoded ? path : Buffer.from(path, "latin1").toString("utf8");
}

function isWellFormedText(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\u0000");
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isWellFormedText);
  return Object.entries(value).every(([key, member]) => isWellFormedText(key) && isWellFormedText(member));
}
