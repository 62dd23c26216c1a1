import { randomInt } from "node:crypto";
import { idEnd, idStart, type LaidOrder } from "../prisma/laid-order";
import { createOrderIndex, hashOfBytes, hashOfId, INDEX_BYTES } from "./order-index";
import {
  createSlab,
  hasId,
  hasSameDigest,
  hasSameId,
  type ReadyOrder,
  readRecord,
  recordBytes,
  recordsOf,
  SLAB_OVERHEAD_BYTES,
  type Slab,
  writeRecord,
} from "./order-slab";

export type { ReadyOrder } from "./order-slab";

/**
 * The orders in memory, as the bytes that are sent. Bounded in bytes; the newest are kept.
 *
 * An order comes in one of two ways. `add` takes a new one (or one that somebody has just asked for): it always fits,
 * because the oldest give way. `addOlder` takes one that is older than everything here, at start, when the table is read
 * backwards: it gives way to nobody and is refused when there is no room, or when something has had to go already.
 *
 * Orders are written into slabs, one chain of them for each way, and go a slab at a time: first those that came by
 * `addOlder`, the last of them first, then those that came by `add`, the first of them first. A slab's bytes are never
 * used again, so an answer that is being sent cannot be overwritten by what has come in its order's place.
 */
export interface OrderCache {
  find(id: string): ReadyOrder | undefined;
  /**
   * Keeps a copy of an order, at the cost of the oldest. One that is here already stays, unless it is another one: orders never
   * change, but a database that was put back and refilled may have given the id to the other of two that wanted it.
   */
  add(order: LaidOrder): void;
  /** Keeps a copy of an order that is older than all others, if there is room; false means that the cache is full. */
  addOlder(order: LaidOrder): boolean;
  /** How many orders are kept. */
  readonly size: number;
  /** What they take, in bytes, with the overhead of each. */
  readonly bytes: number;
  readonly limitBytes: number;
}

/** Slabs in the order in which they were begun; orders are written into one of them, unless they are large. */
interface Chain {
  readonly slabs: Slab[];
  open: Slab | undefined;
}

/**
 * A thousandth of the usual cache, and 800 of the usual orders, which are gone in a fraction of a millisecond. Offsets
 * in a slab are below it.
 */
const MOST_SLAB_BYTES = 2 ** 20;
/** A small cache has smaller slabs, so that what goes at once is never much of it. */
const FEWEST_SLABS = 64;
/** An order larger than this part of a slab has one of its own, so that little is left over at a slab's end. */
const LARGE = 1 / 4;

/** @param limitBytes an order that alone takes more than this is never kept */
export function createOrderCache(limitBytes: number): OrderCache {
  const slabBytes = Math.min(MOST_SLAB_BYTES, Math.floor(limitBytes / FEWEST_SLABS));
  const seed = randomInt(2 ** 32);
  const slabs = new Map<number, Slab>();
  const older: Chain = { slabs: [], open: undefined };
  const newer: Chain = { slabs: [], open: undefined };
  let nextNumber = 1;
  let size = 0;
  let bytes = 0;
  let hasLetGo = false;

  const slabAt = (place: number): Slab => slabs.get(Math.floor(place / MOST_SLAB_BYTES)) as Slab;
  const index = createOrderIndex<string | LaidOrder>((place, wanted) => {
    const at = place % MOST_SLAB_BYTES;
    return typeof wanted === "string" ? hasId(slabAt(place), at, wanted) : hasSameId(slabAt(place), at, wanted);
  });
  const hashOf = ({ bytes, from }: LaidOrder): number => hashOfBytes(bytes, idStart(from), idEnd(bytes, from), seed);

  /** What an order adds to `bytes`: with a new slab, what is left over in the one before counts too. */
  const costIn = ({ open }: Chain, record: number): number => {
    const cost = record + INDEX_BYTES;
    if (record > slabBytes * LARGE) return cost + SLAB_OVERHEAD_BYTES;
    if (open && record <= leftIn(open)) return cost;
    return cost + SLAB_OVERHEAD_BYTES + (open ? leftIn(open) : 0);
  };

  const slabFor = (chain: Chain, record: number): Slab => {
    const isLarge = record > slabBytes * LARGE;
    if (!isLarge && chain.open && record <= leftIn(chain.open)) return chain.open;
    // Until something has had to go nothing is given back that V8 would have to find.
    const slab = createSlab(nextNumber++, isLarge ? record : slabBytes, chain === newer && hasLetGo);
    slabs.set(slab.number, slab);
    chain.slabs.push(slab);
    if (!isLarge) chain.open = slab;
    return slab;
  };

  const write = (chain: Chain, order: LaidOrder, record: number, hash: number): void => {
    bytes += costIn(chain, record);
    size += 1;
    const slab = slabFor(chain, record);
    index.insert(hash, slab.number * MOST_SLAB_BYTES + writeRecord(slab, order, hash));
  };

  /** Its bytes stay until their slab goes. */
  const forget = (place: number, hash: number): void => {
    index.remove(hash, place);
    slabAt(place).orders -= 1;
    size -= 1;
    bytes -= INDEX_BYTES;
  };

  const letOneGo = (): void => {
    const chain = older.slabs.length > 0 ? older : newer;
    const slab = chain === older ? chain.slabs.pop() : chain.slabs.shift();
    if (!slab) return;
    for (const { hash, at } of recordsOf(slab)) index.remove(hash, slab.number * MOST_SLAB_BYTES + at);
    slabs.delete(slab.number);
    const isOpen = chain.open === slab;
    if (isOpen) chain.open = undefined;
    size -= slab.orders;
    bytes -= (isOpen ? slab.used : slab.bytes.length) + slab.orders * INDEX_BYTES + SLAB_OVERHEAD_BYTES;
    hasLetGo = true;
  };

  return {
    find(id) {
      const place = index.find(id, hashOfId(id, seed));
      return place === undefined ? undefined : readRecord(slabAt(place), place % MOST_SLAB_BYTES);
    },
    add(order) {
      const hash = hashOf(order);
      const place = index.find(order, hash);
      if (place !== undefined) {
        if (hasSameDigest(slabAt(place), place % MOST_SLAB_BYTES, order)) return;
        forget(place, hash);
      }
      const record = recordBytes(order);
      if (record + INDEX_BYTES + SLAB_OVERHEAD_BYTES > limitBytes) return;
      while (bytes + costIn(newer, record) > limitBytes) letOneGo();
      write(newer, order, record, hash);
    },
    addOlder(order) {
      const hash = hashOf(order);
      if (index.find(order, hash) !== undefined) return true;
      const record = recordBytes(order);
      if (hasLetGo || bytes + costIn(older, record) > limitBytes) return false;
      write(older, order, record, hash);
      return true;
    },
    get size() {
      return size;
    },
    get bytes() {
      return bytes;
    },
    limitBytes,
  };
}

function leftIn({ bytes, used }: Slab): number {
  return bytes.length - used;
}
