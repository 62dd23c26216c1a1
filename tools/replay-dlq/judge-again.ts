import type pg from "pg";
import { CONFLICTS_SQL, conflictWith } from "../../ingestor/find-conflicts";
import { type AcceptedOrder, judge, type Verdict } from "../../ingestor/judge";
import type { ApartJudge } from "../../ingestor/judge-apart";
import { byteaArray, textArray } from "../../ingestor/pg-array";

/** A value, and whether it may be one that kills the process that looks at it. */
export interface ToJudge {
  readonly value: Buffer | null;
  readonly isDangerous: boolean;
}

export interface JudgeAgainDeps {
  readonly apart: Pick<ApartJudge, "judge">;
  readonly client: Pick<pg.Client, "query">;
}

/**
 * Judges values as the ingestor would now, up to what its database would say: an order whose id another order has is a
 * conflict. What only the attempt to store it can tell (`unstorable`) is not foreseen.
 *
 * @returns the verdicts, in the order of the values
 */
export async function judgeAgain(values: readonly ToJudge[], { apart, client }: JudgeAgainDeps): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { value, isDangerous } of values) verdicts.push(isDangerous ? await apart.judge(value) : judge(value));
  const accepted = verdicts.filter((verdict): verdict is AcceptedOrder => verdict.kind === "accepted");
  const conflicts = await findConflicts(accepted, client);
  return verdicts.map((verdict) => conflicts.get(verdict) ?? verdict);
}

/** The same comparison as in the ingestor's transaction, in two steps: most documents need not be sent to be compared. */
async function findConflicts(
  orders: readonly AcceptedOrder[],
  client: Pick<pg.Client, "query">,
): Promise<ReadonlyMap<Verdict, Verdict>> {
  if (orders.length === 0) return new Map();
  const { rows: differing } = await client.query<{ n: string }>(
    `SELECT n FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS batch (id, sha256, n)
     JOIN orders stored ON stored.id = batch.id COLLATE "C" AND stored.sha256 <> batch.sha256`,
    [textArray(orders.map(({ id }) => id)), byteaArray(orders.map(({ sha256 }) => sha256))],
  );
  const candidates = differing.flatMap(({ n }) => orders[Number(n) - 1] ?? []);
  if (candidates.length === 0) return new Map();
  const { rows } = await client.query<{ n: string; at: string }>(CONFLICTS_SQL, [
    textArray(candidates.map(({ id }) => id)),
    textArray(candidates.map(({ document }) => document)),
  ]);
  return new Map(
    rows.flatMap(({ n, at }): [Verdict, Verdict][] => {
      const order = candidates[Number(n) - 1];
      return order ? [[order, conflictWith(at)]] : [];
    }),
  );
}
