import type pg from "pg";
import { LendingSocket } from "./lending-socket";
import { SteadyClient } from "./steady-client";

/** A connection of `pg`, and a way to end it that works on a frozen server and on a half-open socket too. */
export interface Connection {
  readonly client: pg.Client;
  /**
   * Asks something small. With a name it is prepared, once on this connection.
   *
   * @throws the server's error, or an error when it is not answered in time: the connection is of no use then
   */
  ask<Row extends pg.QueryResultRow>(sql: string | pg.QueryConfig): Promise<readonly Row[]>;
  /** Ends the connection politely if the server answers at once, otherwise by force. Never fails. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2_000;
const GOODBYE_TIMEOUT_MS = 500;

/**
 * Opens a single connection, outside any pool, for what has to stay on one: LISTEN, or rows that a position promised.
 *
 * @param options.name shown in pg_stat_activity
 * @param options.answerWithinMs deadline of `ask`; not the time-out of `pg`, which would also fire during a long COPY
 * @throws the connection's or the server's error, within two seconds
 */
export async function openConnection(
  databaseUrl: string,
  options: { name: string; answerWithinMs: number },
): Promise<Connection> {
  const socket = new LendingSocket();
  const client = new SteadyClient({
    connectionString: databaseUrl,
    application_name: options.name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    stream: () => socket,
  });
  const close = async (): Promise<void> => {
    const force = setTimeout(() => socket.destroy(), GOODBYE_TIMEOUT_MS);
    await client.end().catch(() => {});
    clearTimeout(force);
    socket.destroy();
  };
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const ask = async <Row extends pg.QueryResultRow>(sql: string | pg.QueryConfig): Promise<readonly Row[]> => {
    const answer = client.query<Row>(sql);
    const { rows } = await withDeadline(answer, options.answerWithinMs);
    return rows;
  };
  return { client, ask, close };
}

function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`the server has not answered within ${ms} ms`)), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(deadline));
  });
}
