import type { PrismaTransaction } from "../prisma/client";
import type { Partition } from "../prisma/order-channel";
import type { ParkedBytes } from "../prisma/parked-bytes";
import type { AcceptedRecord, RejectedRecord } from "./judged-record";
import { bigintArray, byteaArray, textArray } from "./pg-array";

/**
 * Which of the orders `$1::text[]` (ids) with `$2::text[]` (documents) mean something else than what is stored under
 * their id: `n`, the place in the arrays from 1 on, and `at`, the record that the stored order came with.
 *
 * It is the comparison of the function same_meaning, with each document parsed for all its comparisons together: a stored
 * order of 900 KB takes 0.2 s to be parsed, and a batch may have 2,000 others with its id (1.1 s). Documents that jsonb cannot hold have no
 * meaning but their text without the white space around it; none of them is equal to one that jsonb can hold.
 */
export const CONFLICTS_SQL = `
  WITH batch AS MATERIALIZED (
    SELECT n, id, meaning, CASE WHEN meaning IS NULL THEN btrim(document, E' \\t\\r\\n') END AS words
    FROM (
      SELECT n, id, document, CASE WHEN pg_input_is_valid(document, 'jsonb') THEN document::jsonb END AS meaning
      FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS batch (id, document, n)
      OFFSET 0
    ) AS parsed
  ), stored AS MATERIALIZED (
    SELECT id, at, meaning, CASE WHEN meaning IS NULL THEN btrim(document, E' \\t\\r\\n') END AS words
    FROM (
      SELECT orders.id, topic || ':' || epoch || ':' || partition || ':' || "offset" AS at, document,
        CASE WHEN pg_input_is_valid(document, 'jsonb') THEN document::jsonb END AS meaning
      FROM orders JOIN epochs ON epochs.id = orders.epoch WHERE orders.id = ANY ($1::text[])
      OFFSET 0
    ) AS parsed
  )
  SELECT n, at FROM batch JOIN stored ON stored.id = batch.id COLLATE "C"
  WHERE (stored.meaning, stored.words) IS DISTINCT FROM (batch.meaning, batch.words)
  ORDER BY n`;

/** What is said of an order whose id is taken, and where the one that has it came from (topic:epoch:partition:offset). */
export function conflictWith(at: string): RejectedRecord["verdict"] {
  return {
    kind: "rejected",
    reason: "conflict",
    errors: [`/order_uid is taken by another order, which came with record ${at}`],
  };
}

/**
 * The records whose id is taken by an order of another meaning. It has to be a statement of its own: the insert cannot
 * see the row of a concurrent winner that it has waited for, a later snapshot does.
 */
export async function findConflicts(
  { tx, bytes }: { readonly tx: PrismaTransaction; readonly bytes: ParkedBytes },
  { epoch, partition }: Partition,
  accepted: readonly AcceptedRecord[],
): Promise<RejectedRecord[]> {
  const differing = await tx.$queryRaw<{ offset: bigint }[]>`
    SELECT batch."offset"
    FROM unnest(
      ${bytes.park(textArray(accepted.map(({ verdict }) => verdict.id)))}::text[],
      ${bytes.park(byteaArray(accepted.map(({ verdict }) => verdict.sha256)))}::bytea[],
      ${bytes.park(bigintArray(accepted.map(({ offset }) => offset)))}::bigint[]
    ) AS batch (id, sha256, "offset")
    JOIN orders stored ON stored.id = batch.id COLLATE "C" AND stored.sha256 <> batch.sha256`;
  const offsets = new Set(differing.map(({ offset }) => offset));
  const candidates = accepted.filter(({ offset }) => offsets.has(offset));
  if (candidates.length === 0) return [];
  const conflicting = await tx.$queryRawUnsafe<{ n: bigint; at: string }[]>(
    CONFLICTS_SQL,
    bytes.park(textArray(candidates.map(({ verdict }) => verdict.id))),
    bytes.park(textArray(candidates.map(({ verdict }) => verdict.document))),
  );
  return conflicting.flatMap(({ n, at }): RejectedRecord[] => {
    const record = candidates[Number(n) - 1];
    // What is stored of this very record is no other order.
    const isOther = record && !at.endsWith(`:${epoch}:${partition}:${record.offset}`);
    return isOther ? [{ ...record, verdict: conflictWith(at) }] : [];
  });
}
