const WITH_AUTHORITY = /^https?:\/\/[^/?#]*(.*)$/i;

/**
 * The path and query of a request's target as they were written: a proxy's client may send a whole URL (RFC 9112, 3.2.2).
 * Pure.
 *
 * @returns undefined for what is neither a path nor a URL; Node's own old parser would warn of it on standard error
 */
export function pathOfTarget(target: string): string | undefined {
  if (target.startsWith("/") || target === "*") return target;
  const path = URL.canParse(target) ? WITH_AUTHORITY.exec(target)?.[1] : undefined;
  return path === undefined || path.startsWith("/") ? path : `/${path}`;
}
