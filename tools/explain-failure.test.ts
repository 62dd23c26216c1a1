import { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from "kafkajs";
import { readSettings, SettingsError } from "../runtime/settings";
import { explainFailure, explainSettings } from "./explain-failure";

const env = { DATABASE_URL: "postgresql://owner:secret@db:5433/orders", KAFKA_BROKERS: "k:9092" };

/** What reading these settings from an empty environment throws. */
function settingsError(...names: Parameters<typeof readSettings>[0][number][]): SettingsError {
  try {
    readSettings(names, {});
  } catch (error) {
    if (error instanceof SettingsError) return error;
  }
  throw new Error("these settings can be read");
}

test("whoever has started nothing is told how to start it", () => {
  expect(explainSettings(settingsError("DATABASE_URL"))).toMatch(/^no system is known here: npm start/);
});

test("other mistakes in the settings are told as they are", () => {
  const error = new SettingsError(["KAFKA_SSL must be one of true, false"]);
  expect(explainSettings(error)).toBe(error.message);
});

test("what does not answer is named with its address, and without its password", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:5433"), { code: "ECONNREFUSED" });
  const postgres = explainFailure(refused, env);
  expect(postgres).toMatch(/^cannot reach PostgreSQL at db:5433: connect ECONNREFUSED.*\n.*npm start/);
  expect(postgres).not.toContain("secret");
  const connection = new KafkaJSConnectionError("Connection error");
  expect(explainFailure(connection, env)).toMatch(/^cannot reach Kafka at k:9092: .*\n.*npm start/);
  const retried = new KafkaJSNumberOfRetriesExceeded(connection, { retryCount: 5, retryTime: 1 });
  expect(explainFailure(retried, env)).toContain("cannot reach Kafka at k:9092");
});

test("a broker that refuses is not out of reach", () => {
  const error = new KafkaJSProtocolError(new Error("refused"));
  expect(explainFailure(error, env)).not.toContain("cannot reach");
});

test("a user who may not is told whose address is needed", () => {
  const denied = Object.assign(new Error("permission denied for table outbox"), { code: "42501" });
  expect(explainFailure(denied, env)).toMatch(/^permission denied for table outbox: .*owner's DATABASE_URL/);
});

test("a defect comes with its stack", () => {
  expect(explainFailure(new TypeError("x is not a function"), env)).toContain("explain-failure.test");
});
