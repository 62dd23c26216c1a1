import { classifyFailure, kafkaActions, sqlStateActions } from "./failure";

/** An error as Prisma's adapter makes it of one of PostgreSQL. */
function fromPrisma(originalCode: string): unknown {
  return Object.assign(new Error("Raw query failed"), {
    code: "P2010",
    meta: { driverAdapterError: { cause: { originalCode, kind: "postgres" } } },
  });
}

describe("an error is classified by its code:", () => {
  it.each(Object.entries(sqlStateActions))("SQLSTATE %s is %s", (state, action) => {
    const code = state.padEnd(5, "0");
    expect(classifyFailure(fromPrisma(code))).toEqual({ action, code });
  });

  it.each(Object.entries(kafkaActions))("Kafka's %s is %s", (type, action) => {
    expect(classifyFailure(Object.assign(new Error(), { type }))).toEqual({ action, code: type });
  });

  it.each([
    ["a data error", fromPrisma("22P05"), "isolate", "22P05"],
    ["a deadlock", fromPrisma("40P01"), "retry-at-once", "40P01"],
    ["an unknown completion", fromPrisma("40003"), "retry", "40003"],
    ["a full disk", fromPrisma("53100"), "retry", "53100"],
    ["a full NOTIFY queue", fromPrisma("54000"), "retry", "54000"],
    ["a read-only server", fromPrisma("25006"), "retry", "25006"],
    ["a missing table", fromPrisma("42P01"), "stop", "42P01"],
    ["a raised exception", fromPrisma("P0001"), "stop", "P0001"],
    ["an error of pg itself", Object.assign(new Error(), { code: "57P01" }), "retry", "57P01"],
    [
      "a lost race as Prisma tells it",
      { meta: { driverAdapterError: { cause: { kind: "TransactionWriteConflict" } } } },
      "retry-at-once",
      "40001",
    ],
    [
      "an unreachable database",
      { code: "P1001", meta: { driverAdapterError: { cause: { kind: "DatabaseNotReachable" } } } },
      "retry",
      "DatabaseNotReachable",
    ],
    ["an expired transaction", Object.assign(new Error(), { code: "P2028" }), "retry", "P2028"],
    ["a refused connection", Object.assign(new Error(), { code: "ECONNREFUSED" }), "retry", "ECONNREFUSED"],
    ["a broken pipe", Object.assign(new Error(), { code: "EPIPE" }), "retry", "EPIPE"],
    [
      "a broker that is no leader",
      Object.assign(new Error(), { type: "NOT_LEADER_FOR_PARTITION" }),
      "retry",
      "NOT_LEADER_FOR_PARTITION",
    ],
    ["a connection that ended without a code", new Error("Connection terminated unexpectedly"), "retry", "Error"],
    ["a defect of this program", new TypeError("x is not a function"), "stop", "TypeError"],
    [
      "a system error of a kind of TypeError",
      Object.assign(new TypeError(), { code: "ERR_INVALID_ARG" }),
      "retry",
      "ERR_INVALID_ARG",
    ],
  ])("%s", (_, error, action, code) => {
    expect(classifyFailure(error)).toEqual({ action, code });
  });

  it.each([undefined, null, 0, "oops", {}, [], Symbol("x")])("whatever else is thrown (%p) is an outage", (error) => {
    expect(classifyFailure(error).action).toBe("retry");
  });
});
