import { createOrderIndex, hashOfBytes, hashOfId } from "./order-index";

/** An index beside a Map that is always right, with hashes of few values so that many meet in one slot. */
function createPair(hashOf: (id: string) => number) {
  const ids = new Map<number, string>();
  const expected = new Map<string, number>();
  const index = createOrderIndex<string>((place, id) => ids.get(place) === id);
  return {
    expected,
    insert(id: string, place: number) {
      ids.set(place, id);
      expected.set(id, place);
      index.insert(hashOf(id), place);
    },
    remove(id: string) {
      index.remove(hashOf(id), expected.get(id) ?? -1);
      expected.delete(id);
    },
    find: (id: string) => index.find(id, hashOf(id)),
  };
}

describe("the index", () => {
  test.each([
    ["the real hash", (id: string) => hashOfId(id, 7)],
    ["hashes that meet in a few slots", (id: string) => hashOfId(id, 7) % 5],
    ["hashes in a table's last slots", (id: string) => 0xfffffff0 + (hashOfId(id, 7) % 16)],
    ["one hash for all", () => 0xffffffff],
  ])("finds what is in it and nothing else, with %s", (_, hashOf) => {
    const { expected, insert, remove, find } = createPair(hashOf);
    // A place above 32 bits, as in a memory of many GiB.
    for (let n = 0; n < 300; n++) insert(`n${n}`, 2 ** 40 + n);
    for (let step = 0; step < 3_000; step++) {
      const id = `n${hashOfId(String(step), 1) % 600}`;
      if (expected.has(id)) remove(id);
      else insert(id, step + 1);
    }
    for (let n = 0; n < 600; n++) expect([n, find(`n${n}`)]).toEqual([n, expected.get(`n${n}`)]);
  });

  test("leaves others alone when what is to be removed is not there", () => {
    const { expected, insert, remove, find } = createPair(() => 3);
    insert("a", 1);
    remove("b");
    expect(find("a")).toBe(expected.get("a"));
  });

  test("spreads ids that differ in one place over all tables and slots", () => {
    const hashes = Array.from({ length: 100_000 }, (_, n) => hashOfId(`order-${n}`, 1));
    expect(new Set(hashes.map((hash) => hash >>> 24)).size).toBe(256);
    // 65,536 slots for 100,000 ids: of random ones a part of 1 - e^-1.526 = 0.783 would be hit.
    expect(new Set(hashes.map((hash) => hash & 0xffff)).size / 65_536).toBeCloseTo(0.783, 1);
  });

  test.each(["order-1", "заказ", "e\u0301", "a🛒", ""])("hashes %j as its bytes, wherever they lie", (id) => {
    const bytes = Buffer.from(`before${id}after`);
    expect(hashOfBytes(bytes, 6, bytes.length - 5, 7)).toBe(hashOfId(id, 7));
  });
});
