const MAX_CODE_POINTS = 128;

/** What keeps a text from being an order's id, in words, or undefined. The reader has the same rule. */
export function whyNoOrderId(id) {
  if (id === "." || id === "..") return "A dot or two by themselves are not an id.";
  if (/\p{Cc}/u.test(id)) return "An id has no control characters, such as tabs.";
  if (!id.isWellFormed()) return "It has half a character in it.";
  const length = [...id].length;
  if (length > MAX_CODE_POINTS) return `An id has at most ${MAX_CODE_POINTS} characters; this has ${length}.`;
  return undefined;
}
