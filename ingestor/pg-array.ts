/**
 * One-dimensional PostgreSQL arrays in the binary form that the server reads (array_recv): a batch's documents, keys
 * and payloads travel as one Buffer, which `pg` sends as it is. Measured with documents of 1.3 KB: 23.6k orders/s,
 * where a JavaScript array of strings gets 5.3k and a JSON array 11k.
 */

const OID = { bytea: 17, int8: 20, int4: 23, text: 25 } as const;

const HEADER_BYTES = 20;
const NULL_LENGTH = -1;

function encode(oid: number, elements: readonly (Buffer | null)[]): Buffer {
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + (element?.length ?? 0);
  const array = Buffer.allocUnsafe(size);
  array.writeInt32BE(elements.length > 0 ? 1 : 0, 0);
  array.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  array.writeInt32BE(oid, 8);
  if (elements.length === 0) return array.subarray(0, 12);
  array.writeInt32BE(elements.length, 12);
  array.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const element of elements) {
    at = array.writeInt32BE(element?.length ?? NULL_LENGTH, at);
    if (element) at += element.copy(array, at);
  }
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
  const numbers = Buffer.allocUnsafe(elements.length * 8);
  return encode(
    OID.int8,
    elements.map((element, index) => {
      numbers.writeBigInt64BE(element, index * 8);
      return numbers.subarray(index * 8, index * 8 + 8);
    }),
  );
}

/** `int[]`. */
export function intArray(elements: readonly number[]): Buffer {
  const numbers = Buffer.allocUnsafe(elements.length * 4);
  return encode(
    OID.int4,
    elements.map((element, index) => {
      numbers.writeInt32BE(element, index * 4);
      return numbers.subarray(index * 4, index * 4 + 4);
    }),
  );
}
