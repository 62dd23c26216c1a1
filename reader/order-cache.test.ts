import { createHash } from "node:crypto";
import { createOrderCache, type IncomingOrder, type OrderCache } from "./order-cache";

function order(id: string, documentBytes = 1000): IncomingOrder {
  const document = Buffer.alloc(documentBytes, id);
  return { id, document, sha256: createHash("sha256").update(document).digest() };
}

const kept = (cache: OrderCache, ids: readonly string[]): string => ids.filter((id) => cache.find(id)).join("");

/** Room for three orders of 1,000 bytes with their overhead, and not for four. */
const ROOM_FOR_THREE = 5_000;

describe("the cache", () => {
  test("gives back the bytes it was given, with their digest as a strong entity tag", () => {
    const cache = createOrderCache(1_000_000);
    const { id, document, sha256 } = order("a", 5);
    cache.add({ id, document, sha256 });
    expect(cache.find("a")?.body).toEqual(document);
    expect(cache.find("a")?.etag).toBe(`"${Buffer.from(sha256).toString("hex")}"`);
    expect(cache.find("b")).toBeUndefined();
  });

  test("copies, so that a passing chunk is neither pinned nor read later", () => {
    const cache = createOrderCache(1_000_000);
    const chunk = Buffer.from("....document....");
    cache.add({ ...order("a"), document: chunk.subarray(4, 12) });
    chunk.fill(0);
    const body = cache.find("a")?.body;
    expect(body?.toString()).toBe("document");
    expect(body?.buffer.byteLength).toBe(32 + 8);
  });

  test("keeps the newest: the first that was added goes first", () => {
    const cache = createOrderCache(ROOM_FOR_THREE);
    for (const id of "abcde") cache.add(order(id));
    expect(kept(cache, [..."abcde"])).toBe("cde");
  });

  test("refuses an older order when it is full, and keeps what it has", () => {
    const cache = createOrderCache(ROOM_FOR_THREE);
    expect([..."edcb"].map((id) => cache.addOlder(order(id)))).toEqual([true, true, true, false]);
    expect(kept(cache, [..."bcde"])).toBe("cde");
  });

  test("lets the oldest of the older orders go before any newer one", () => {
    const cache = createOrderCache(ROOM_FOR_THREE);
    for (const id of "edc") cache.addOlder(order(id));
    cache.add(order("f"));
    expect(kept(cache, [..."cdef"])).toBe("def");
    cache.add(order("g"));
    expect(kept(cache, [..."cdefg"])).toBe("efg");
  });

  test("leaves an order that is there as it is, and counts it once", () => {
    const cache = createOrderCache(ROOM_FOR_THREE);
    cache.add(order("a"));
    const { bytes } = cache;
    cache.add({ ...order("a"), document: Buffer.from("other") });
    expect(cache.addOlder(order("a"))).toBe(true);
    expect([cache.size, cache.bytes]).toEqual([1, bytes]);
    expect(cache.find("a")?.body.length).toBe(1000);
  });

  test("never takes an order that is larger than its limit", () => {
    const cache = createOrderCache(ROOM_FOR_THREE);
    cache.add(order("a"));
    cache.add(order("b", 6_000));
    expect(kept(cache, ["a", "b"])).toBe("a");
  });

  test("stays within its bytes however many orders come, and gives all of them back", () => {
    const cache = createOrderCache(100_000);
    for (let n = 0; n < 20_000; n++) {
      cache.add(order(`n${n}`, (n * 37) % 3000));
      expect(cache.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(cache.find("n19999")).toBeDefined();
    cache.add(order("last", 99_000));
    expect(cache.size).toBe(1);
  });
});
