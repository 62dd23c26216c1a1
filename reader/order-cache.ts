/**
 * The orders in memory, as the bytes that are sent. Bounded in bytes; the newest are kept.
 *
 * An order comes in one of two ways. `add` takes a new one (or one that somebody has just asked for): it always fits,
 * because the oldest give way. `addOlder` takes one that is older than everything here, at start, when the table is read
 * backwards: it gives way to nobody and is refused when there is no room.
 *
 * The first to go is the oldest of those that came by `addOlder`, then the first that came by `add`.
 */

/** An order as it goes out. */
export interface ReadyOrder {
  /** The published bytes; not to be written to. */
  readonly body: Buffer;
  /** A strong entity tag, with its quotes. */
  readonly etag: string;
}

/** An order as it comes in; the buffers are copied. */
export interface IncomingOrder {
  readonly id: string;
  readonly document: Uint8Array;
  readonly sha256: Uint8Array;
}

export interface OrderCache {
  find(id: string): ReadyOrder | undefined;
  /** Keeps an order, at the cost of the oldest. An id that is here already stays as it is: orders never change. */
  add(order: IncomingOrder): void;
  /** Keeps an order that is older than all others, if there is room; false means that the cache is full. */
  addOlder(order: IncomingOrder): boolean;
  /** How many orders are kept. */
  readonly size: number;
  /** What they take, in bytes, with the overhead of each. */
  readonly bytes: number;
  readonly limitBytes: number;
}

/**
 * What an order takes beside its id and document: the entry of the Map, the Buffer with its ArrayBuffer, the digest, and
 * what the allocators lose. Measured on Node 20 after reading 300,000 orders of 1,292 bytes: resident memory grew by
 * 640 to 680 bytes more than the documents an order, 310 of them in the heap and in the buffers themselves.
 */
const OVERHEAD_BYTES = 660;
const DIGEST_BYTES = 32;

/** @param limitBytes an order that alone takes more than this is never kept */
export function createOrderCache(limitBytes: number): OrderCache {
  const entries = new Map<string, Buffer>();
  /** Ids by `addOlder`, the oldest last. */
  const older: string[] = [];
  /** Ids by `add`, the oldest first; `firstNewer` of them are gone already. */
  let newer: string[] = [];
  let firstNewer = 0;
  let bytes = 0;

  const cost = (id: string, documentBytes: number): number => 2 * id.length + documentBytes + OVERHEAD_BYTES;

  const insert = ({ id, document, sha256 }: IncomingOrder): void => {
    // A buffer of its own, not a slice of a shared pool: evicting the order gives back exactly its memory.
    const entry = Buffer.allocUnsafeSlow(DIGEST_BYTES + document.length);
    entry.set(sha256, 0);
    entry.set(document, DIGEST_BYTES);
    entries.set(id, entry);
    bytes += cost(id, document.length);
  };

  const nextToGo = (): string | undefined => {
    const id = older.pop() ?? newer[firstNewer++];
    // Ids that are gone are cut off only when they are half of the list: removing one at a time would move all others.
    if (firstNewer > 1_000 && firstNewer * 2 > newer.length) {
      newer = newer.slice(firstNewer);
      firstNewer = 0;
    }
    return id;
  };

  const makeRoom = (wanted: number): void => {
    while (bytes + wanted > limitBytes) {
      const id = nextToGo();
      if (id === undefined) return;
      const entry = entries.get(id);
      if (!entry) continue;
      entries.delete(id);
      bytes -= cost(id, entry.length - DIGEST_BYTES);
    }
  };

  return {
    find(id) {
      const entry = entries.get(id);
      if (!entry) return undefined;
      return { body: entry.subarray(DIGEST_BYTES), etag: `"${entry.toString("hex", 0, DIGEST_BYTES)}"` };
    },
    add(order) {
      const wanted = cost(order.id, order.document.length);
      if (entries.has(order.id) || wanted > limitBytes) return;
      makeRoom(wanted);
      insert(order);
      newer.push(order.id);
    },
    addOlder(order) {
      if (entries.has(order.id)) return true;
      if (bytes + cost(order.id, order.document.length) > limitBytes) return false;
      insert(order);
      older.push(order.id);
      return true;
    },
    get size() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
    limitBytes,
  };
}
