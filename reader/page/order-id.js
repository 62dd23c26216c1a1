const MAX_CODE_POINTS = 128;

/** What keeps a text from being an order's id, in words, or undefined. The reader has the same rule. */
export function whyNoOrderId(id, { words }) {
  if (id === "." || id === "..") return words.malformed.dots;
  if (/\p{Cc}/u.test(id)) return words.malformed.control;
  if (!id.isWellFormed()) return words.malformed.half;
  const length = [...id].length;
  return length > MAX_CODE_POINTS ? words.malformed.long(MAX_CODE_POINTS, length) : undefined;
}
