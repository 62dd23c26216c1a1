/**
 * Where each order is kept: an id's hash and a place, in typed arrays and not in a Map, because a Map takes 100 bytes an
 * order more, gives the garbage collector every id to look at, and ends at 16,777,216 entries.
 *
 * The ids themselves stand at the places; who keeps them is asked whether it is the one. A hash's upper bits choose one
 * of 256 tables, each of which grows by itself: a single table of ten million orders would grow for half a second, in
 * which nobody is answered. Within a table an entry stands in the slot that its hash's lower bits name or in one of the
 * next; whatever follows a removed entry moves up, so that a search may end at the first empty slot.
 */
export interface OrderIndex<Wanted> {
  /** The place of an id, or undefined. */
  find(wanted: Wanted, hash: number): number | undefined;
  /** Takes an id that is not there yet. @param place above 0 */
  insert(hash: number, place: number): void;
  remove(hash: number, place: number): void;
}

/** What an entry takes at worst, just after its table has grown: twelve bytes a slot, five slots in two orders. */
export const INDEX_BYTES = 30;

const TABLES = 256;
const FIRST_SLOTS = 8;
/** Longer searches above it, more memory below. */
const FULL = 0.8;

interface Table {
  hashes: Uint32Array;
  /** 0 is an empty slot. Not 32 bits, because a large memory has more places than that. */
  places: Float64Array;
  orders: number;
}

/** @param isAt whether the order at a place has the id that is looked for, in whatever form that comes */
export function createOrderIndex<Wanted>(isAt: (place: number, wanted: Wanted) => boolean): OrderIndex<Wanted> {
  const tables = Array.from({ length: TABLES }, () => emptyTable(FIRST_SLOTS));
  const tableOf = (hash: number): Table => tables[hash >>> 24] as Table;

  return {
    find(wanted, hash) {
      const { hashes, places } = tableOf(hash);
      const last = places.length - 1;
      for (let slot = hash & last; ; slot = (slot + 1) & last) {
        const place = places[slot] as number;
        if (place === 0) return undefined;
        if (hashes[slot] === hash && isAt(place, wanted)) return place;
      }
    },
    insert(hash, place) {
      const table = tableOf(hash);
      if (table.orders + 1 > FULL * table.places.length) grow(table);
      put(table, hash, place);
      table.orders += 1;
    },
    remove(hash, place) {
      const table = tableOf(hash);
      const last = table.places.length - 1;
      let slot = hash & last;
      while (table.places[slot] !== place) {
        if (table.places[slot] === 0) return;
        slot = (slot + 1) & last;
      }
      closeGap(table, slot);
      table.orders -= 1;
    },
  };
}

/**
 * A hash of 32 bits: FNV-1a over the id's bytes in UTF-8, its bits then mixed as MurmurHash3 does.
 *
 * @param seed from a source of randomness, so that nobody can publish ids that all meet in one slot
 */
export function hashOfBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = seed;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return mixed(hash);
}

/** The hash of an id's bytes in UTF-8, without making them as long as it is ASCII. */
export function hashOfId(id: string, seed: number): number {
  let hash = seed;
  for (let unit = 0; unit < id.length; unit++) {
    const code = id.charCodeAt(unit);
    if (code > 0x7f) return hashOfBytes(Buffer.from(id), 0, Buffer.byteLength(id), seed);
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return mixed(hash);
}

function mixed(fnv: number): number {
  let hash = Math.imul(fnv ^ (fnv >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function emptyTable(slots: number): Table {
  return { hashes: new Uint32Array(slots), places: new Float64Array(slots), orders: 0 };
}

function put({ hashes, places }: Table, hash: number, place: number): void {
  const last = places.length - 1;
  let slot = hash & last;
  while (places[slot] !== 0) slot = (slot + 1) & last;
  hashes[slot] = hash;
  places[slot] = place;
}

function grow(table: Table): void {
  const { hashes, places } = table;
  const larger = emptyTable(places.length * 2);
  for (let slot = 0; slot < places.length; slot++) {
    const place = places[slot] as number;
    if (place !== 0) put(larger, hashes[slot] as number, place);
  }
  table.hashes = larger.hashes;
  table.places = larger.places;
}

/** Moves up what stands after a slot that has become empty and was only there because the slot was taken. */
function closeGap({ hashes, places }: Table, empty: number): void {
  const last = places.length - 1;
  let gap = empty;
  for (let slot = (gap + 1) & last; places[slot] !== 0; slot = (slot + 1) & last) {
    const hash = hashes[slot] as number;
    const steps = (slot - hash) & last;
    if (steps < ((slot - gap) & last)) continue;
    hashes[gap] = hash;
    places[gap] = places[slot] as number;
    gap = slot;
  }
  places[gap] = 0;
}
