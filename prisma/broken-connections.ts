import type { Socket } from "node:net";
import type {
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQueryable,
  Transaction,
} from "@prisma/driver-adapter-utils";

/**
 * After an answer has failed to come in time, `pg` keeps the connection, on which the lost statement still stands before
 * all that follow, and hands it out again. A transaction whose statement fails without an answer from the server
 * therefore closes its socket here, so that the pool makes a new connection. A network forgets connections together: those
 * that lie idle in the pool are closed with it, or each would be waited for in its turn.
 */
export function withBrokenConnectionsClosed(factory: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => closingAdapter(await factory.connect()),
  };
}

function closingAdapter(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const startTransaction = adapter.startTransaction.bind(adapter);
  const closeIdle = (): void => closeIdleOf(adapter);
  adapter.startTransaction = async (isolationLevel) => {
    const transaction = await startTransaction(isolationLevel);
    whenUnanswered(transaction, () => {
      socketOf(transaction).destroy();
      closeIdle();
    });
    return transaction;
  };
  // Here the pool itself gives up the connection.
  whenUnanswered(adapter, closeIdle);
  return adapter;
}

function whenUnanswered(asked: SqlQueryable, close: () => void): void {
  const closing =
    <A extends unknown[], R>(query: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      query(...args).catch((error: unknown) => {
        if (!isAnswer(error)) close();
        throw error;
      });
  asked.queryRaw = closing(asked.queryRaw.bind(asked));
  asked.executeRaw = closing(asked.executeRaw.bind(asked));
}

/** Whether it was the server that said no; then the connection is in order. */
function isAnswer(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly originalCode?: unknown } };
  return typeof cause?.originalCode === "string";
}

/** A transaction holds the pool's client, and the client its connection; neither stands in their types. */
function socketOf(transaction: Transaction): Socket {
  const { client } = transaction as unknown as { readonly client: PooledClient };
  return client.connection.stream;
}

/** The adapter holds the pool, and the pool those that nobody uses; nor does that stand in their types. */
function closeIdleOf(adapter: SqlDriverAdapter): void {
  const { client: pool } = adapter as unknown as { readonly client: PoolInside };
  for (const { client } of [...pool._idle]) {
    // At once out of the pool; the goodbye of its end would never be answered.
    pool._remove(client);
    client.connection.stream.destroy();
  }
}

interface PooledClient {
  readonly connection: { readonly stream: Socket };
}

interface PoolInside {
  readonly _idle: readonly { readonly client: PooledClient }[];
  _remove(client: PooledClient): void;
}
