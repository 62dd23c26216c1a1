import { compareWithCursor, encodeNotice } from "./order-channel";

describe("a notice", () => {
  it("stays far below the 8,000 bytes at which PostgreSQL aborts the transaction", () => {
    const longest = { epoch: 2_147_483_647, partition: 2_147_483_647, nextOffset: 9_223_372_036_854_775_807n };
    expect(encodeNotice(longest).length).toBeLessThan(100);
  });
});

describe("a cursor", () => {
  const cursor = new Map([
    ["1:0", 10n],
    ["1:1", 10n],
    ["1:2", 10n],
  ]);

  it("is behind where more has been committed, from the start where it knows nothing, and nowhere else", () => {
    const gap = compareWithCursor(cursor, [
      { epoch: 1, partition: 0, nextOffset: 10n },
      { epoch: 1, partition: 1, nextOffset: 15n },
      { epoch: 2, partition: 0, nextOffset: 3n },
    ]);
    expect(gap.ahead).toMatchObject([
      { partition: { epoch: 1, partition: 1 }, from: 10n, to: 15n },
      { partition: { epoch: 2, partition: 0 }, from: 0n, to: 3n },
    ]);
    expect(gap.behind).toEqual([]);
  });

  it("is ahead of a database that was restored from an older copy", () => {
    const restored = { epoch: 1, partition: 2, nextOffset: 4n };
    expect(compareWithCursor(cursor, [restored])).toEqual({ ahead: [], behind: [restored] });
  });
});
