import { PrismaPg } from "@prisma/adapter-pg";
import { withBrokenConnectionsClosed } from "./broken-connections";
import { PrismaClient } from "./generated/client";
import { tierUpLate } from "./late-tiering";
import { withParkedBytes } from "./parked-bytes";
import { SteadyClient } from "./steady-client";

export type Prisma = PrismaClient;
/** The client inside an interactive transaction. */
export type PrismaTransaction = Omit<
  PrismaClient,
  "$connect" | "$disconnect" | "$on" | "$use" | "$extends" | "$transaction"
>;

/** How long the server lets one statement run. A batch takes milliseconds; what takes this long hangs. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** How long an answer may take: longer than the server lets it. A frozen server or a half-open socket gives none. */
const ANSWER_TIMEOUT_MS = 20_000;
/** How long the server keeps a transaction (and its locks) for a client that has gone silent. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Options of every interactive transaction. Prisma's own time-out must not come before the server's and the pool's: when
 * it fires, the statement in flight goes on and the transaction is no longer one (prisma#29762).
 */
export const TRANSACTION_PATIENCE = { timeout: 120_000, maxWait: 10_000 } as const;

/**
 * Prisma's client on a pool of its own.
 *
 * What hangs is ended by the server, else by the lack of its answer; either way the connection is given up with its
 * transaction.
 *
 * @param databaseUrl the user that connects decides what may be done
 * @param options.connections the most connections that the pool opens
 * @param options.name shown in pg_stat_activity
 * @param options.answerWithinMs when to give up on an answer; 20 s, where nothing else is said
 */
export function createPrisma(
  databaseUrl: string,
  options: { connections: number; name: string; answerWithinMs?: number },
): Prisma {
  tierUpLate();
  const adapter = new PrismaPg({
    Client: SteadyClient,
    connectionString: databaseUrl,
    max: options.connections,
    application_name: options.name,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, options.answerWithinMs ?? CONNECT_TIMEOUT_MS),
    query_timeout: options.answerWithinMs ?? ANSWER_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  });
  return new PrismaClient({ adapter: withBrokenConnectionsClosed(withParkedBytes(adapter)) });
}
