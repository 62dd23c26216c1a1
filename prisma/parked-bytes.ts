import { randomUUID } from "node:crypto";
import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlQuery, SqlQueryable } from "@prisma/driver-adapter-utils";

/**
 * A way for a batch's Buffers around Prisma's JSON. A raw query's parameters go through JSON.stringify and JSON.parse,
 * with Buffers in base64, which costs Node more than storing an order costs PostgreSQL. So a Buffer is parked here, a
 * short token travels through Prisma in its place, and the driver adapter puts the Buffer back just before `pg` sends it.
 */

/** Not to be guessed, so that no text that comes from outside can be taken for a token. */
const TOKEN_PREFIX = `parked:${randomUUID()}:`;
const parked = new Map<string, Buffer>();
let lastToken = 0;

/** The Buffers of one transaction. They are kept until `release`, whatever became of the queries. */
export class ParkedBytes {
  readonly #tokens: string[] = [];

  /** @returns the token to give to a raw query as its parameter, where SQL has to cast it (`${token}::bytea[]`) */
  park(bytes: Buffer): string {
    lastToken++;
    const token = TOKEN_PREFIX + lastToken;
    parked.set(token, bytes);
    this.#tokens.push(token);
    return token;
  }

  release(): void {
    for (const token of this.#tokens.splice(0)) parked.delete(token);
  }
}

/** How many Buffers are parked at the moment, in all transactions. */
export function countParkedBytes(): number {
  return parked.size;
}

/** The same adapter, which puts the parked Buffers back into every query. */
export function withParkedBytes(factory: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => exchangingAdapter(await factory.connect()),
  };
}

function exchangingAdapter(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const startTransaction = adapter.startTransaction.bind(adapter);
  adapter.startTransaction = async (isolationLevel) => exchangeIn(await startTransaction(isolationLevel));
  return exchangeIn(adapter);
}

function exchangeIn<T extends SqlQueryable>(queryable: T): T {
  const queryRaw = queryable.queryRaw.bind(queryable);
  const executeRaw = queryable.executeRaw.bind(queryable);
  queryable.queryRaw = (query) => queryRaw(withBytes(query));
  queryable.executeRaw = (query) => executeRaw(withBytes(query));
  return queryable;
}

function withBytes(query: SqlQuery): SqlQuery {
  return query.args.some(isToken) ? { ...query, args: query.args.map(bytesOf) } : query;
}

function isToken(arg: unknown): arg is string {
  return typeof arg === "string" && arg.startsWith(TOKEN_PREFIX);
}

function bytesOf(arg: unknown): unknown {
  if (!isToken(arg)) return arg;
  const bytes = parked.get(arg);
  if (!bytes) throw new Error("a parked Buffer was released before its query ran");
  return bytes;
}
