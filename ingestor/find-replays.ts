import type { PrismaTransaction } from "../prisma/client";
import type { ParkedBytes } from "../prisma/parked-bytes";
import { type ReplayClaim, readReplayClaim } from "./dead-letter";
import { contentDigestOf, type RejectedRecord } from "./judged-record";
import { byteaArray, intArray, textArray } from "./pg-array";

export interface KnownReplay extends ReplayClaim {
  /** When it failed for the first time, as PostgreSQL writes a time. */
  readonly firstFailedAt: string;
}

/**
 * Tells which of these records are dead letters that were brought back, so that they keep the name of their first
 * failure. What a record says of itself is believed only where the ledger has a replay of that name and number with the
 * same key and value: a producer may write any header. Asks nothing where no record says so.
 */
export async function findReplays(
  tx: PrismaTransaction,
  bytes: ParkedBytes,
  dead: readonly RejectedRecord[],
): Promise<ReadonlyMap<RejectedRecord, KnownReplay>> {
  const claims = dead.flatMap((record) => {
    const claim = readReplayClaim(record.headerBytes);
    return claim ? [{ record, ...claim }] : [];
  });
  if (claims.length === 0) return new Map();
  const known = await tx.$queryRaw<{ n: bigint; first_failed_at: string }[]>`
    SELECT n, first_failed_at::text
    FROM unnest(
      ${bytes.park(textArray(claims.map(({ id }) => id)))}::text[],
      ${bytes.park(intArray(claims.map(({ replay }) => replay)))}::int[],
      ${bytes.park(byteaArray(claims.map(({ record }) => contentDigestOf(record))))}::bytea[]
    ) WITH ORDINALITY AS claim (dlq_id, replay, digest, n)
    JOIN replays known
      ON known.dlq_id = claim.dlq_id COLLATE "C" AND known.replay = claim.replay AND known.digest = claim.digest`;
  return new Map(
    known.flatMap(({ n, first_failed_at }) => {
      const claim = claims[Number(n) - 1];
      if (!claim) return [];
      const { record, id, replay } = claim;
      return [[record, { id, replay, firstFailedAt: first_failed_at }] as const];
    }),
  );
}
