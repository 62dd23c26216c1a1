import { appendFileSync, closeSync, fstatSync, openSync, readSync } from "node:fs";

/**
 * The publisher's file, both ends of it. A line before each record is sent tells what it is, a line after Kafka's
 * acknowledgement where it stands; nothing is ever rewritten. What was acknowledged is what must not be lost.
 */

/**
 * - `order`: a valid order with an id of its own.
 * - `again`: the bytes of an earlier order once more: a duplicate.
 * - `poison`: no valid order.
 * - `conflict`: a valid order under the id of another one that was acknowledged before, in the same partition.
 */
export type SendKind = "order" | "again" | "poison" | "conflict";

/** A record that is about to be sent, maybe several times. */
export interface Send {
  /** Counts from 0; the record has it in its header `chaos`. */
  readonly n: number;
  readonly kind: SendKind;
  readonly id: string;
  /** Of the value's bytes, in hexadecimal; null for a record without a value. */
  readonly sha256: string | null;
}

export interface Acknowledgement {
  readonly n: number;
  readonly partition: number;
  /** A whole number below 2^53. */
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export const CHAOS_HEADER = "chaos";

export function appendLines(file: string, lines: readonly (Send | Acknowledgement)[]): void {
  appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** What is told of a file that grows: each line once, whole ones only. */
export interface SendsReader {
  readNew(): { readonly sends: readonly Send[]; readonly acknowledgements: readonly Acknowledgement[] };
  close(): void;
}

export function followSends(file: string): SendsReader {
  const descriptor = openSync(file, "a+");
  let position = 0;
  let rest = "";
  return {
    readNew() {
      const bytes = Buffer.alloc(fstatSync(descriptor).size - position);
      position += readSync(descriptor, bytes, 0, bytes.length, position);
      const lines = `${rest}${bytes}`.split("\n");
      rest = lines.pop() ?? "";
      const records = lines.map((line) => JSON.parse(line) as Send | Acknowledgement);
      return {
        sends: records.filter((record): record is Send => "kind" in record),
        acknowledgements: records.filter((record): record is Acknowledgement => "offset" in record),
      };
    },
    close: () => closeSync(descriptor),
  };
}
