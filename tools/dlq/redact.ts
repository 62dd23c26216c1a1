import { isUtf8 } from "node:buffer";

/** What is shown of a value at most, in characters; `--raw` gives all of it. */
const LONGEST = 16_384;

const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|-?\d[\d.eE+-]*/gs;
/** What JSON is built of. Everything else may be somebody's name. */
const CONTENT = /[^{}[\]":,\s]/gu;

/**
 * A record's value as it may be shown to anybody: of JSON, the text with its white space, its keys and its doubled keys,
 * every string in it replaced by its length and every number by 0; of anything else, `x` for every character that is
 * not JSON's own, so that the place where it breaks can still be seen.
 */
export function redactValue(value: Buffer): string {
  const text = isUtf8(value) ? value.toString("utf8") : value.toString("latin1");
  return shorten(isJson(text) ? redactJson(text) : text.replace(CONTENT, "x"));
}

/** The whole text, for whoever may see it; bytes that are no text as hexadecimal digits. */
export function showBytes(bytes: Buffer): string {
  return shorten(isUtf8(bytes) ? printable(bytes.toString("utf8")) : `0x${bytes.toString("hex")}`);
}

/** Replaces what would be an order to a terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, "\ufffd");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function redactJson(text: string): string {
  const redacted = text.replace(TOKENS, (_, string: string | undefined, colon: string | undefined) => {
    if (string === undefined) return "0";
    return colon === undefined ? `"<${(JSON.parse(string) as string).length}>"` : string + colon;
  });
  return printable(redacted);
}

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters)`;
}
