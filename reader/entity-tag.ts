/**
 * Whether an If-None-Match header names the entity tag, so that 304 is the answer: a list of tags, weak ones too
 * (RFC 9110 has them compared weakly here), or `*`.
 *
 * @param etag ours: a strong tag with its quotes and no comma in it
 */
export function matchesEntityTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (!ifNoneMatch) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
