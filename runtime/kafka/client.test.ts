import { logLevel } from "kafkajs";
import { pino } from "pino";
import { readSettings, SettingsError } from "../settings";
import { createKafka } from "./client";
import { clientLog, clientLogLevel } from "./client-log";

const names = [
  "KAFKA_BROKERS",
  "KAFKA_SSL",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_SASL_USERNAME",
  "KAFKA_SASL_PASSWORD",
] as const;

const silent = pino({ level: "silent" });

test.each(["plain", "scram-sha-256", "scram-sha-512"])(
  "%s without a user or a password is told at once",
  (mechanism) => {
    const create = (env: Record<string, string>) => () =>
      createKafka(readSettings(names, { KAFKA_SASL_MECHANISM: mechanism, ...env }), silent, "test");
    expect(create({ KAFKA_SASL_PASSWORD: "secret" })).toThrow(SettingsError);
    expect(create({ KAFKA_SASL_PASSWORD: "secret" })).toThrow("KAFKA_SASL_USERNAME is missing");
    expect(create({ KAFKA_SASL_USERNAME: "user" })).toThrow("KAFKA_SASL_PASSWORD is missing");
    expect(create({ KAFKA_SASL_USERNAME: "user", KAFKA_SASL_PASSWORD: "secret" })).not.toThrow();
  },
);

test("a client is made from the settings' defaults", () => {
  expect(createKafka(readSettings(names, {}), silent, "test")).toHaveProperty("consumer");
});

describe("the client's log", () => {
  const logged = (level: logLevel, message: string, extra: object = {}) => {
    const lines: string[] = [];
    const log = pino({ level: "trace", base: null, timestamp: false }, { write: (line) => lines.push(line) });
    clientLog(log)(logLevel.DEBUG)({
      namespace: "Consumer",
      level,
      label: "",
      log: { timestamp: "", logger: "kafkajs", message, ...extra },
    });
    return lines.map((line) => JSON.parse(line));
  };

  test("has a stable event name and kafkajs' fields", () => {
    expect(logged(logLevel.INFO, "joined", { groupId: "g", retryCount: 1 })).toEqual([
      { level: 20, event: "kafka.client", namespace: "Consumer", groupId: "g", retryCount: 1, msg: "joined" },
    ]);
  });

  test("never has a payload, a record, a stack or an error's own words beyond the first", () => {
    const secret = {
      payload: "Ivan",
      data: "Ivan",
      message: "x",
      stack: "Ivan",
      error: new Error("Ivan"),
      value: "Ivan",
    };
    expect(JSON.stringify(logged(logLevel.DEBUG, "Response", secret))).not.toContain("Ivan");
    expect(logged(logLevel.ERROR, "m".repeat(5000), { error: "e".repeat(5000) })[0]).toMatchObject({
      msg: "m".repeat(300),
      error: "e".repeat(300),
    });
  });

  test("calls a warning what kafkajs calls an error and retries", () => {
    expect(logged(logLevel.ERROR, "Connection error")).toMatchObject([{ level: 40 }]);
    expect(logged(logLevel.ERROR, "Response Heartbeat(key: 12, version: 3)")).toMatchObject([{ level: 20 }]);
    expect(logged(logLevel.WARN, "KafkaJS v2.0.0 switched default partitioner.")).toEqual([]);
  });

  test("tells a warning that comes with every retry once, and the others to whoever debugs", () => {
    const levels: number[] = [];
    const log = pino({ level: "trace" }, { write: (line) => levels.push(JSON.parse(line).level) });
    const write = clientLog(log)(logLevel.DEBUG);
    const fail = (broker: string, retryCount: number): void => {
      const entry = { timestamp: "", logger: "kafkajs", message: "Connection error", broker, retryCount };
      write({ namespace: "Connection", level: logLevel.ERROR, label: "", log: entry });
    };
    fail("a:1", 0);
    fail("a:1", 1);
    fail("b:1", 0);
    expect(levels).toEqual([40, 20, 40]);
  });

  test("asks kafkajs for no more than is read", () => {
    expect(clientLogLevel(pino({ level: "trace" }))).toBe(logLevel.DEBUG);
    expect(clientLogLevel(pino({ level: "debug" }))).toBe(logLevel.INFO);
    expect(clientLogLevel(pino({ level: "silent" }))).toBe(logLevel.WARN);
  });
});
