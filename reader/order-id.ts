const MAX_CODE_POINTS = 128;

/**
 * Whether an order may have this id at all. The ingestor accepts no other, so nobody needs to be asked for one; and
 * PostgreSQL would answer some of them with an error instead of no row.
 */
export function isPossibleOrderId(id: string): boolean {
  if (id === "" || id === "." || id === ".." || !id.isWellFormed() || /\p{Cc}/u.test(id)) return false;
  // A code point takes one or two units, so most ids need no counting.
  return id.length <= MAX_CODE_POINTS || (id.length <= 2 * MAX_CODE_POINTS && [...id].length <= MAX_CODE_POINTS);
}
