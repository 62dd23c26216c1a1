import type { LogBounds } from "../../ingestor/open-positions";

/** What Kafka has deleted from the dead-letter topic, at the most. */
export interface Purge {
  /** So many letters, second copies among them. */
  readonly most: bigint;
  /** No letter of a row that failed later; undefined where nothing is known of when. */
  readonly until: Date | undefined;
}

/**
 * A log is cut from its beginning only, and a letter is sent after its row has failed and before it is marked as
 * delivered. So what was cut off in front of a letter that is still held had failed before that one was delivered. A
 * partition that holds no letter of this database, or was cut while it was walked, does not say when. Pure.
 *
 * @param before the ends of the dead-letter topic that were walked to
 * @param after the same after the walk
 * @param oldestHeld per partition when its first letter of a row was marked as delivered
 */
export function measurePurge(
  before: readonly LogBounds[],
  after: readonly LogBounds[],
  oldestHeld: ReadonlyMap<number, Date>,
): Purge {
  const lows = new Map(before.map(({ partition, low }) => [partition, low]));
  const cut = after.filter(({ low }) => low > 0n);
  const times = cut.map(({ partition, low }) => (lows.get(partition) === low ? oldestHeld.get(partition) : undefined));
  const known = times.filter((time) => time !== undefined);
  const until = known.length < times.length ? undefined : new Date(Math.max(...known.map((time) => time.getTime()), 0));
  return { most: cut.reduce((sum, { low }) => sum + low, 0n), until };
}
