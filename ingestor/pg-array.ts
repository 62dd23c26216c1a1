/**
 * One-dimensional PostgreSQL arrays in the binary form that the server reads (array_recv): a batch's documents, keys
 * and payloads travel as one Buffer, which `pg` sends as it is. Measured with documents of 1.3 KB: 23.6k orders/s,
 * where a JavaScript array of strings gets 5.3k and a JSON array 11k.
 */

const OID = { bytea: 17, int8: 20, int4: 23, text: 25 } as const;

const HEADER_BYTES = 20;
/** Without a dimension. */
const EMPTY_BYTES = 12;
const NULL_LENGTH = -1;

/** The array's head, with room for its elements. */
function begin(oid: number, elements: readonly unknown[], elementBytes: number): Buffer {
  const isEmpty = elements.length === 0;
  const array = Buffer.allocUnsafe(isEmpty ? EMPTY_BYTES : HEADER_BYTES + elementBytes);
  array.writeInt32BE(isEmpty ? 0 : 1, 0);
  array.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  array.writeInt32BE(oid, 8);
  if (isEmpty) return array;
  array.writeInt32BE(elements.length, 12);
  array.writeInt32BE(1, 16);
  return array;
}

function encode(oid: number, elements: readonly (Buffer | null)[]): Buffer {
  let size = 0;
  for (const element of elements) size += 4 + (element?.length ?? 0);
  const array = begin(oid, elements, size);
  let at = HEADER_BYTES;
  for (const element of elements) {
    at = array.writeInt32BE(element?.length ?? NULL_LENGTH, at);
    if (element) at += element.copy(array, at);
  }
  return array;
}

/** Elements that take the same bytes each, and are never null. */
function encodeFixed<T>(
  oid: number,
  bytes: number,
  elements: readonly T[],
  write: (array: Buffer, element: T, at: number) => number,
): Buffer {
  const array = begin(oid, elements, elements.length * (4 + bytes));
  let at = HEADER_BYTES;
  for (const element of elements) at = write(array, element, array.writeInt32BE(bytes, at));
  return array;
}

/** `text[]`; the elements are UTF-8 already, or strings to be encoded. */
export function textArray(elements: readonly (Buffer | string | null)[]): Buffer {
  return encode(
    OID.text,
    elements.map((element) => (typeof element === "string" ? Buffer.from(element) : element)),
  );
}

/** `bytea[]`. */
export function byteaArray(elements: readonly (Buffer | null)[]): Buffer {
  return encode(OID.bytea, elements);
}

/** `bigint[]`. */
export function bigintArray(elements: readonly bigint[]): Buffer {
  return encodeFixed(OID.int8, 8, elements, (array, element, at) => array.writeBigInt64BE(element, at));
}

/** `int[]`. */
export function intArray(elements: readonly number[]): Buffer {
  return encodeFixed(OID.int4, 4, elements, (array, element, at) => array.writeInt32BE(element, at));
}
