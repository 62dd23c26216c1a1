import { UsageError } from "../usage-error";

/** What a file was taken for. */
export type Form = "record" | "array" | "ndjson";

export interface FileRecords {
  readonly form: Form;
  /** Slices of the file's bytes: nothing is parsed and written anew, so everything stays as it was written. */
  readonly values: readonly Buffer[];
}

/** JavaScript strings end at half a GiB; a file of this size is still validated in about ten seconds. */
const MAX_ARRAY_BYTES = 256 * 1_048_576;

/**
 * Tells the records of a file apart.
 *
 * - `array`: the file is valid JSON and an array; each element is a record, without the white space around it.
 * - `ndjson`: its first line is JSON by itself and not the only line; each line that is not blank is a record, without its line
 *   end, whatever it holds.
 * - `record`: everything else is one record, byte for byte: an order with its white space, or rubbish.
 *
 * @throws UsageError for an array too large to be checked
 */
export function recordsOf(file: Buffer): FileRecords {
  const start = hasBom(file) ? 3 : 0;
  if (isJsonArray(file, start)) return { form: "array", values: [...arrayElements(file, start)] };
  const lines = [...linesOf(file, start)];
  const [first] = lines;
  if (first !== undefined && lines.length > 1 && isJson(first)) return { form: "ndjson", values: lines };
  return { form: "record", values: [file] };
}

/** A file of several records may begin with a byte order mark, as some editors write it; it belongs to none of them. */
export function hasBom(file: Buffer): boolean {
  return file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** JSON's four kinds of white space: tab, newline, carriage return, space. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === NEWLINE || byte === RETURN;
}

function isJsonArray(file: Buffer, start: number): boolean {
  let at = start;
  while (isSpace(file[at])) at++;
  if (file[at] !== OPEN_BRACKET) return false;
  if (file.length > MAX_ARRAY_BYTES) {
    throw new UsageError("an array of more than 256 MiB: write one order a line (NDJSON) instead");
  }
  return isJson(file.subarray(at));
}

/** Whether the text is JSON. Bytes that are no UTF-8 may stand in its strings: whoever reads the record judges them. */
function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString());
    return true;
  } catch {
    return false;
  }
}

/** The elements of an array that is known to be valid: what stands between the commas of the first level. */
function* arrayElements(file: Buffer, start: number): Generator<Buffer> {
  let from = file.indexOf(OPEN_BRACKET, start) + 1;
  let depth = 0;
  for (let at = from; at < file.length; at++) {
    const byte = file[at];
    if (byte === QUOTE) at = endOfString(file, at);
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
    else if (depth > 0) depth -= byte === CLOSE_BRACKET || byte === CLOSE_BRACE ? 1 : 0;
    else if (byte === COMMA || byte === CLOSE_BRACKET) {
      const element = trimmed(file.subarray(from, at));
      if (element.length > 0) yield element;
      if (byte === CLOSE_BRACKET) return;
      from = at + 1;
    }
  }
}

/** The place of the quotation mark that ends the string beginning at `at`. */
function endOfString(file: Buffer, at: number): number {
  let end = at + 1;
  while (end < file.length && file[end] !== QUOTE) end += file[end] === BACKSLASH ? 2 : 1;
  return end;
}

function* linesOf(file: Buffer, start: number): Generator<Buffer> {
  for (let from = start; from < file.length; ) {
    const newline = file.indexOf(NEWLINE, from);
    const end = newline === -1 ? file.length : newline;
    const line = file.subarray(from, end > from && file[end - 1] === RETURN ? end - 1 : end);
    if (trimmed(line).length > 0) yield line;
    from = end + 1;
  }
}

function trimmed(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}
