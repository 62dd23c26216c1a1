/** The longest id, in code points: it has to fit into a URL and into a person's line of sight. */
const MAX_CODE_POINTS = 128;

/**
 * What keeps a text from being an order's id, in words, or undefined. The ingestor accepts no order with such an id, so
 * the reader need not ask for one, and PostgreSQL would answer some of them with an error instead of no row.
 *
 * Ids are compared as they are, unnormalised and untrimmed. The page has the same rule in its own words.
 */
export function findIdMistake(id: string): string | undefined {
  if (id === "") return "must not be empty";
  if (id === "." || id === "..") return "must not be a dot segment: no URL can carry it";
  if (!id.isWellFormed()) return "must not have half a character";
  if (/\p{Cc}/u.test(id)) return "must not have control characters";
  // A code point takes one or two units, so most ids need no counting.
  const isTooLong =
    id.length > MAX_CODE_POINTS && (id.length > 2 * MAX_CODE_POINTS || [...id].length > MAX_CODE_POINTS);
  return isTooLong ? `must not have more than ${MAX_CODE_POINTS} characters` : undefined;
}

/** Whether an order may have this id at all. */
export function isPossibleOrderId(id: string): boolean {
  return findIdMistake(id) === undefined;
}
