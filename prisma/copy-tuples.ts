/**
 * The rows of `COPY … TO STDOUT (FORMAT binary)`, taken out of a stream whose chunks may be cut anywhere.
 *
 * The form (PostgreSQL's manual, COPY, "Binary Format"): an eleven-byte signature, flags and a header extension; then
 * per row a 16-bit number of fields and, per field, a 32-bit length (-1 for null) with that many bytes; at the end a
 * number of fields of -1.
 */

/** The fields of a row; null is SQL's null. They are views into the stream's chunk: copy what is to outlive the call. */
export type CopyFields = readonly (Buffer | null)[];

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const HEADER_BYTES = SIGNATURE.length + 8;

export class CopyTupleParser {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Parsing is not tried again below this many bytes, so that a long row is put together once and not per chunk. */
  #neededBytes = HEADER_BYTES;
  #state: "header" | "rows" | "ended" = "header";

  /**
   * Takes the stream's next chunk and calls `onRow` for every row that is complete with it.
   *
   * @throws Error if the bytes are not COPY's binary form
   */
  push(chunk: Buffer, onRow: (fields: CopyFields) => void): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes < this.#neededBytes) return;

    const bytes = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting, this.#waitingBytes);
    let position = this.#state === "header" ? this.#readHeader(bytes) : 0;
    while (this.#state === "rows") {
      const next = this.#readRow(bytes, position, onRow);
      if (next === undefined) break;
      position = next;
    }
    const rest = bytes.subarray(position);
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#waitingBytes = rest.length;
  }

  /** @throws Error if the stream ended in the middle */
  end(): void {
    if (this.#state !== "ended") throw new Error("COPY's binary stream ended in the middle");
  }

  #readHeader(bytes: Buffer): number {
    if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error("this is not COPY's binary form");
    const length = HEADER_BYTES + bytes.readInt32BE(SIGNATURE.length + 4);
    if (bytes.length < length) {
      this.#neededBytes = length;
      return 0;
    }
    this.#state = "rows";
    return length;
  }

  /** Where the next row begins, or undefined if this one is not complete yet. */
  #readRow(bytes: Buffer, start: number, onRow: (fields: CopyFields) => void): number | undefined {
    const available = bytes.length - start;
    this.#neededBytes = 2;
    if (available < 2) return undefined;
    const count = bytes.readInt16BE(start);
    if (count < 0) {
      this.#state = "ended";
      return start + 2;
    }
    const fields: (Buffer | null)[] = [];
    let position = start + 2;
    for (let field = 0; field < count; field++) {
      this.#neededBytes = position + 4 - start;
      if (available < this.#neededBytes) return undefined;
      const length = bytes.readInt32BE(position);
      position += 4;
      if (length < 0) {
        fields.push(null);
        continue;
      }
      this.#neededBytes = position + length - start;
      if (available < this.#neededBytes) return undefined;
      fields.push(bytes.subarray(position, position + length));
      position += length;
    }
    onRow(fields);
    return position;
  }
}
