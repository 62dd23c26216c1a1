import { CopyTupleParser } from "./copy-tuples";

/** The form as the server writes it, from the manual and not from the parser. */
function encode(rows: readonly (readonly (string | null)[])[]): Buffer {
  const parts = [Buffer.from("5047434f50590aff0d0a00", "hex"), Buffer.alloc(8)];
  for (const row of rows) {
    const count = Buffer.alloc(2);
    count.writeInt16BE(row.length);
    parts.push(count);
    for (const value of row) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value));
      parts.push(length, Buffer.from(value ?? ""));
    }
  }
  parts.push(Buffer.from("ffff", "hex"));
  return Buffer.concat(parts);
}

function parse(bytes: Buffer, chunkBytes: number): (string | null)[][] {
  const parser = new CopyTupleParser();
  const rows: (string | null)[][] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    // Within other bytes, which are used again afterwards.
    const piece = Buffer.concat([
      Buffer.from("before"),
      bytes.subarray(start, start + chunkBytes),
      Buffer.from("after"),
    ]);
    parser.push(piece, 6, piece.length - 5, ({ bytes, starts, lengths }) => {
      rows.push(
        starts.map((from, n) => (lengths[n] === -1 ? null : bytes.toString("utf8", from, from + (lengths[n] ?? 0)))),
      );
    });
    piece.fill(0);
  }
  parser.end();
  return rows;
}

describe("the rows of COPY's binary form", () => {
  const rows = [
    ["a", '{"a":1}\n'],
    ["", null],
    ["ж", "long ".repeat(1000)],
    [null, null],
    ["last", ""],
  ];

  test("are the same wherever the chunks are cut", () => {
    const bytes = encode(rows);
    for (const chunkBytes of [...Array.from({ length: 70 }, (_, index) => index + 1), 999, 5000, bytes.length]) {
      expect(parse(bytes, chunkBytes)).toEqual(rows);
    }
  });

  test("may be none", () => {
    expect(parse(encode([]), 3)).toEqual([]);
  });

  test("of one long row are put together in linear time", () => {
    const rows = [["x", "y".repeat(32 * 1024 * 1024)]];
    const bytes = encode(rows);
    const started = performance.now();
    expect(parse(bytes, 4096)[0]?.[1]?.length).toBe(32 * 1024 * 1024);
    // 8,192 chunks put together anew for each chunk would copy 128 GiB.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("come with a header that may have an extension", () => {
    const bytes = encode(rows);
    const extension = Buffer.from("0000000000000003616263", "hex");
    const extended = Buffer.concat([bytes.subarray(0, 11), extension, bytes.subarray(19)]);
    expect(parse(extended, 1)).toEqual(rows);
  });

  test("that end in the middle are an error", () => {
    expect(() => parse(encode(rows).subarray(0, -1), 100)).toThrow("ended in the middle");
  });

  test("of another form are refused", () => {
    expect(() => parse(Buffer.from("not what the server sends in this form"), 100)).toThrow("not COPY's binary form");
  });
});
