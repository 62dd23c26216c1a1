import type { SqlDriverAdapter, SqlDriverAdapterFactory, Transaction } from "@prisma/driver-adapter-utils";
import type pg from "pg";

/**
 * After an answer has failed to come in time, `pg` keeps the connection, on which the lost statement still stands before
 * all that follow, and hands it out again. A transaction whose statement fails without an answer from the server
 * therefore closes its socket here, so that the pool makes a new connection.
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
  adapter.startTransaction = async (isolationLevel) => closingTransaction(await startTransaction(isolationLevel));
  return adapter;
}

function closingTransaction(transaction: Transaction): Transaction {
  const closing =
    <A extends unknown[], R>(query: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      query(...args).catch((error: unknown) => {
        if (!isAnswer(error)) socketOf(transaction).destroy();
        throw error;
      });
  transaction.queryRaw = closing(transaction.queryRaw.bind(transaction));
  transaction.executeRaw = closing(transaction.executeRaw.bind(transaction));
  return transaction;
}

/** Whether it was the server that said no; then the connection is in order. */
function isAnswer(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly originalCode?: unknown } };
  return typeof cause?.originalCode === "string";
}

/** The adapter holds the pool's client, and the client its connection; neither stands in their types. */
function socketOf(transaction: Transaction): { destroy(): void } {
  const { client } = transaction as unknown as { readonly client: pg.PoolClient };
  return (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream;
}
