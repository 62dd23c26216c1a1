import {
  driverActions,
  type FailureAction,
  kafkaActions,
  prismaActions,
  sqlStateActions,
  systemActions,
} from "./failure-table";

export interface Failure {
  readonly action: FailureAction;
  /** SQLSTATE, Prisma's, Kafka's, Redis' or the system's code, or the error's name; safe to log, as a message may not be. */
  readonly code: string;
}

/**
 * Classifies an error of Prisma, PostgreSQL, kafkajs, ioredis, BullMQ or the system by its code, never by its message.
 * Total: any value has an answer. A code that is in no table is in doubt; what has no code at all is an outage, which is
 * given one where it is known to be `pg`'s.
 */
export function classifyFailure(error: unknown): Failure {
  return (
    classifyDatabase(error) ??
    classifyClient(error) ??
    classifySystem(error) ?? { action: "retry", code: codeOfPg(error) ?? nameOf(error) }
  );
}

function classifyDatabase(error: unknown): Failure | undefined {
  const cause = property(property(property(error, "meta"), "driverAdapterError") ?? error, "cause");
  const code = property(error, "code");
  const sqlState = property(cause, "originalCode") ?? code;
  // An error of `pg` itself has its SQLSTATE as code. Prisma's own codes begin with P and no 0, the system's with E.
  if (typeof sqlState === "string" && /^(?!P[1-9]|E)[0-9A-Z]{5}$/.test(sqlState)) {
    const action = sqlStateActions[sqlState] ?? sqlStateActions[sqlState.slice(0, 2)] ?? "doubt";
    return { action, code: sqlState };
  }
  const kind = property(cause, "kind");
  if (isKeyOf(driverActions, kind)) return { action: driverActions[kind], code: kind };
  if (typeof code === "string" && /^P\d{4}$/.test(code)) return { action: prismaActions[code] ?? "doubt", code };
  return undefined;
}

/** Clients of Kafka and Redis. kafkajs' own errors are about connections; so are all of Redis', which carries no records. */
function classifyClient(error: unknown): Failure | undefined {
  const type = property(error, "type");
  if (typeof type === "string") return { action: kafkaActions[type] ?? "doubt", code: type };
  const name = nameOf(error);
  if (name.startsWith("KafkaJS")) return { action: "retry", code: codeWithin(error) };
  // The first word of what Redis says is its code, by its protocol.
  if (name === "ReplyError") return { action: "retry", code: String(property(error, "message")).split(" ")[0] || name };
  return undefined;
}

/** Errors of the language itself have no code: kafkajs and Prisma bring their own classes, so they are of our own making. */
function classifySystem(error: unknown): Failure | undefined {
  const code = property(error, "code");
  if (typeof code === "string" && code !== "") return { action: systemActions[code] ?? "doubt", code };
  const isDefect = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return isDefect ? { action: "stop", code: nameOf(error) } : undefined;
}

/** kafkajs wraps what it has given up on, once or more: the innermost error tells why, by its code or else its name. */
function codeWithin(error: unknown): string {
  const chain = [error];
  for (let cause = property(error, "cause"); cause && chain.length < MOST_WRAPPERS; cause = property(cause, "cause")) {
    chain.unshift(cause);
  }
  const codes = chain.flatMap((each) => [property(each, "code"), property(each, "type")]);
  return codes.find((code) => typeof code === "string") ?? nameOf(chain[0]);
}

const MOST_WRAPPERS = 8;

/** `pg` has nothing but words for a connection that ended, and for an answer that did not come; nor has our own deadline. */
function codeOfPg(error: unknown): string | undefined {
  const message = String(property(error, "message"));
  if (/^Connection terminated|is not queryable$/.test(message)) return "CONNECTION_TERMINATED";
  if (/^(Query read timeout|timeout expired|timeout exceeded when trying to connect)$/.test(message))
    return "NO_ANSWER";
  if (message.startsWith("the server has not answered")) return "NO_ANSWER";
  return undefined;
}

function nameOf(error: unknown): string {
  const name = property(error, "name");
  return typeof name === "string" && name !== "" ? name : typeof error;
}

function isKeyOf<T extends object>(table: T, key: unknown): key is keyof T & string {
  return typeof key === "string" && Object.hasOwn(table, key);
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
