import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client";
import { withParkedBytes } from "./parked-bytes";

export type Prisma = PrismaClient;
/** The client inside an interactive transaction. */
export type PrismaTransaction = Omit<
  PrismaClient,
  "$connect" | "$disconnect" | "$on" | "$use" | "$extends" | "$transaction"
>;

/** How long the server lets one statement run. A batch takes milliseconds; what takes this long hangs. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** How long the server keeps a transaction (and its locks) for a client that has gone silent. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Prisma's client on a pool of its own.
 *
 * The time-outs that end what hangs are the server's: when Prisma's own transaction time-out fires, the statement in
 * flight goes on and the transaction is no longer one (prisma#29762), so callers set that one far above these.
 *
 * @param databaseUrl the user that connects decides what may be done
 * @param options.connections the most connections that the pool opens
 * @param options.name shown in pg_stat_activity
 * @param options.answerWithinMs for single statements outside transactions, whose outcome may be forgotten: when the
 *   server has not answered in this time, the statement fails and its connection leaves the pool, which is what frees
 *   a pool from half-open sockets
 */
export function createPrisma(
  databaseUrl: string,
  options: { connections: number; name: string; answerWithinMs?: number },
): Prisma {
  const adapter = new PrismaPg({
    connectionString: databaseUrl,
    max: options.connections,
    application_name: options.name,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, options.answerWithinMs ?? CONNECT_TIMEOUT_MS),
    ...(options.answerWithinMs !== undefined && { query_timeout: options.answerWithinMs }),
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  });
  return new PrismaClient({ adapter: withParkedBytes(adapter) });
}
