/**
 * The rows of `COPY … TO STDOUT (FORMAT binary)`, taken out of a stream whose pieces may be cut anywhere.
 *
 * The form (PostgreSQL's manual, COPY, "Binary Format"): an eleven-byte signature, flags and a header extension; then
 * per row a 16-bit number of fields and, per field, a 32-bit length (-1 for null) with that many bytes; at the end a
 * number of fields of -1.
 */

/**
 * A row, where it lies: field n is `lengths[n]` bytes of `bytes` from `starts[n]` on, and SQL's null if that is -1. It is
 * the same object for every row, because objects for a row and its fields would cost more than reading it: take what is
 * needed before the call returns.
 */
export interface CopyRow {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const HEADER_BYTES = SIGNATURE.length + 8;

export class CopyTupleParser {
  /** The beginning of what is not complete yet, in copies. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Parsing is not tried again below this many bytes, so that a long row is put together once and not per piece. */
  #neededBytes = HEADER_BYTES;
  #state: "header" | "rows" | "ended" = "header";
  readonly #row: { bytes: Buffer; readonly starts: number[]; readonly lengths: number[] } = {
    ...{ bytes: SIGNATURE, starts: [], lengths: [] },
  };

  /**
   * Takes the stream's next piece, the bytes `from` to `to` of a buffer that may be used again afterwards, and calls
   * `onRow` for every row that is complete with it.
   *
   * @throws Error if the bytes are not COPY's binary form
   */
  push(bytes: Buffer, from: number, to: number, onRow: (row: CopyRow) => void): void {
    if (this.#waitingBytes === 0 && to - from >= this.#neededBytes) {
      this.#keep(bytes, this.#parse(bytes, from, to, onRow), to);
      return;
    }
    this.#keep(bytes, from, to);
    if (this.#waitingBytes < this.#neededBytes) return;
    const whole = Buffer.concat(this.#waiting, this.#waitingBytes);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#keep(whole, this.#parse(whole, 0, whole.length, onRow), whole.length);
  }

  /** @throws Error if the stream ended in the middle */
  end(): void {
    if (this.#state !== "ended") throw new Error("COPY's binary stream ended in the middle");
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (from === to) return;
    this.#waiting.push(Buffer.from(bytes.subarray(from, to)));
    this.#waitingBytes += to - from;
  }

  /** Where what is not complete begins. */
  #parse(bytes: Buffer, from: number, to: number, onRow: (row: CopyRow) => void): number {
    let position = this.#state === "header" ? this.#readHeader(bytes, from, to) : from;
    while (this.#state === "rows") {
      const next = this.#readRow(bytes, position, to);
      if (next === undefined) break;
      position = next;
      if (this.#state === "rows") onRow(this.#row);
    }
    return position;
  }

  #readHeader(bytes: Buffer, from: number, to: number): number {
    if (bytes.compare(SIGNATURE, 0, SIGNATURE.length, from, from + SIGNATURE.length) !== 0) {
      throw new Error("this is not COPY's binary form");
    }
    const length = HEADER_BYTES + bytes.readInt32BE(from + SIGNATURE.length + 4);
    if (to - from < length) {
      this.#neededBytes = length;
      return from;
    }
    this.#state = "rows";
    this.#neededBytes = 2;
    return from + length;
  }

  /** Where the next row begins, or undefined if this one is not complete yet. */
  #readRow(bytes: Buffer, from: number, to: number): number | undefined {
    const row = this.#row;
    this.#neededBytes = 2;
    if (to - from < 2) return undefined;
    const count = bytes.readInt16BE(from);
    if (count < 0) {
      this.#state = "ended";
      return from + 2;
    }
    let position = from + 2;
    for (let field = 0; field < count; field++) {
      this.#neededBytes = position + 4 - from;
      if (position + 4 > to) return undefined;
      const length = bytes.readInt32BE(position);
      position += 4;
      row.starts[field] = position;
      row.lengths[field] = length;
      if (length > 0) position += length;
      this.#neededBytes = position - from;
      if (position > to) return undefined;
    }
    row.bytes = bytes;
    // Written only where it changes: as dear as reading the row.
    if (row.starts.length !== count) row.starts.length = row.lengths.length = count;
    this.#neededBytes = 2;
    return position;
  }
}
