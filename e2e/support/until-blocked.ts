import type pg from "pg";
import { waitUntil } from "./wait-until";

/**
 * The session that waits for a lock of another one, once it does. Not pg_stat_activity, which a transaction reads once
 * and sees no later session in; and not pg_locks by a table's number, which is the same in every test's database.
 *
 * @param holder the number of the session that holds the lock; by itself the client's
 * @throws Error when nobody waits within a minute
 */
export function untilBlocked(client: pg.Client, holder?: number): Promise<number> {
  const blocked =
    "SELECT pid FROM pg_locks WHERE NOT granted AND coalesce($1, pg_backend_pid()) = ANY (pg_blocking_pids(pid))";
  return waitUntil(`a session waits for a lock of ${holder ?? "this one"}`, async () => {
    const { rows } = await client.query<{ pid: number }>(blocked, [holder]);
    return rows[0]?.pid;
  });
}
