/** The answers of a coordinator after which this member has to join its group again. */
const types: ReadonlySet<unknown> = new Set([
  "REBALANCE_IN_PROGRESS",
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "NOT_COORDINATOR_FOR_GROUP",
]);

/**
 * Whether this error of kafkajs ends this member's hold on its partitions: then whatever waits inside `eachBatch` ends,
 * and the error is rethrown, because kafkajs joins the group again only when it comes out of there.
 */
export function isRebalance(error: unknown): boolean {
  return error instanceof Error && types.has((error as { readonly type?: unknown }).type);
}
