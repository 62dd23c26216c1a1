/**
 * What an error means for the records in hand, in one table by error code and never by message text.
 *
 * - `retry`: something is out of order outside (a server, the network, a disk); wait and store the same batch again.
 * - `retry-at-once`: the database chose this transaction as the loser of a race; it is in good health.
 * - `isolate`: a record cannot be stored; find it by splitting the batch. Only data errors say so.
 * - `stop`: a defect or a database that does not fit this program; end the process and let a supervisor restart it.
 *
 * Whatever is unknown is `retry`: an outage must never be taken for a bad record.
 */
export type FailureAction = "retry" | "retry-at-once" | "isolate" | "stop";

export interface Failure {
  readonly action: FailureAction;
  /** SQLSTATE, Prisma's, Kafka's or the system's code, or the error's name; safe to log, as a message may not be. */
  readonly code: string;
}

/** By SQLSTATE, PostgreSQL's documentation, appendix A. Five characters win over the class of two. */
export const sqlStateActions: Readonly<Record<string, FailureAction>> = {
  "08": "retry", // connection exception
  "0A": "stop", // feature not supported
  "22": "isolate", // data exception
  "23": "isolate", // integrity constraint violation
  "25": "retry", // invalid transaction state: read-only after a failover, idle too long
  "26": "retry", // invalid prepared statement: a pooler in between
  "28": "retry", // invalid authorization: passwords are being changed
  "3D": "retry", // database does not exist: being restored
  "40": "retry-at-once", // serialization failure, deadlock
  "40003": "retry", // statement completion unknown
  "42": "stop", // syntax, missing table or privilege: not migrated, or a defect
  "53": "retry", // insufficient resources: disk full, too many connections
  "54": "retry", // program limit exceeded; 54000 also says that the NOTIFY queue is full
  "55": "retry", // object not in prerequisite state: lock not available
  "57": "retry", // operator intervention: shutting down, starting, statement time-out
  "58": "retry", // system error: I/O
  F0: "retry", // configuration file error
  P0: "stop", // PL/pgSQL
  XX: "retry", // internal error, corruption
};

/** By Kafka's error type: what a broker says about the record itself. All other types are outages. */
export const kafkaActions: Readonly<Record<string, FailureAction>> = {
  MESSAGE_TOO_LARGE: "isolate",
  RECORD_LIST_TOO_LARGE: "isolate",
  INVALID_RECORD: "isolate",
  INVALID_TIMESTAMP: "isolate",
};

/** Classifies an error of Prisma, PostgreSQL, kafkajs, ioredis, BullMQ or the system. Total: any value has an answer. */
export function classifyFailure(error: unknown): Failure {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const action = sqlStateActions[sqlState] ?? sqlStateActions[sqlState.slice(0, 2)] ?? "retry";
    return { action, code: sqlState };
  }
  const kafkaType = property(error, "type");
  if (typeof kafkaType === "string") return { action: kafkaActions[kafkaType] ?? "retry", code: kafkaType };
  if (isDefect(error)) return { action: "stop", code: error.name };
  return { action: "retry", code: describeCode(error) };
}

/** Errors of the language itself. kafkajs and Prisma bring their own classes, so these are of our own making. */
function isDefect(error: unknown): error is Error {
  return (
    (error instanceof TypeError ||
      error instanceof RangeError ||
      error instanceof ReferenceError ||
      error instanceof SyntaxError) &&
    property(error, "code") === undefined
  );
}

function sqlStateOf(error: unknown): string | undefined {
  const cause = property(property(property(error, "meta"), "driverAdapterError") ?? error, "cause");
  const originalCode = property(cause, "originalCode");
  if (typeof originalCode === "string") return originalCode;
  if (property(cause, "kind") === "TransactionWriteConflict") return "40001";
  // An error of `pg` itself. Prisma's own codes begin with P, the system's (EPIPE) with E.
  const code = property(error, "code");
  return typeof code === "string" && /^(?![EP])[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

function describeCode(error: unknown): string {
  const kind = property(property(property(property(error, "meta"), "driverAdapterError"), "cause"), "kind");
  for (const candidate of [kind, property(error, "code"), property(error, "name")]) {
    if (typeof candidate === "string" && candidate !== "") return candidate;
  }
  return typeof error;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
