import { Kafka, type SASLOptions } from "kafkajs";
import type { Log } from "../log";
import { type Settings, SettingsError } from "../settings";
import { clientLog, clientLogLevel } from "./client-log";
import { installCorrections } from "./corrections/install";

/** The settings that a client of Kafka needs. */
export const kafkaSettings = [
  "KAFKA_BROKERS",
  "KAFKA_SSL",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_SASL_USERNAME",
  "KAFKA_SASL_PASSWORD",
] as const;
type KafkaSettings = Settings<(typeof kafkaSettings)[number]>;

/** A TCP and TLS handshake across a continent takes 0.5 s; a host that is gone must not hold the others up for long. */
const CONNECTION_TIMEOUT_MS = 3_000;

/**
 * After this long without an answer a request has failed and its connection is half open or its broker frozen. Requests
 * that wait by design (fetch, join) bring a longer time of their own. A producer's `timeout` belongs below it.
 */
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * A client of Kafka: kafkajs with its defects corrected (see corrections/) and all of Kafka's codecs, in both
 * directions. A record batch that cannot be decoded comes as one message that `undecodableOf` recognises; `headersOf`
 * gives a record's headers as they are.
 *
 * Retries are those of one call, about 6.5 s in all; they never wait longer than half a second, so that an outage is
 * over for the client soon after it is over: two seconds are promised for all that follows. Whoever must outlive an outage
 * calls again, or, as a consumer, has endless retries: after those of its connections kafkajs makes it a new member of its
 * group, and a broker that comes back waits for the old one until its session has ended.
 *
 * What stays the caller's business: a rebalance shows as an error out of `heartbeat()` and `commitOffsets()` inside
 * `eachBatch`. kafkajs passes it on to every caller, and acts on it only when it leaves `eachBatch`. So
 * end your wait and rethrow it; if you keep it, this member holds up the group's rebalance and is thrown out of it.
 *
 * @param clientId names the process in the brokers' logs and quotas
 * @throws SettingsError when KAFKA_SASL_MECHANISM comes without a user or password
 */
export function createKafka(settings: KafkaSettings, log: Log, clientId: string, retries = 14): Kafka {
  installCorrections();
  const sasl = saslOf(settings);
  return new Kafka({
    clientId,
    brokers: settings.KAFKA_BROKERS,
    ssl: settings.KAFKA_SSL,
    ...(sasl && { sasl }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 500, multiplier: 2, factor: 0.2, retries },
    logLevel: clientLogLevel(log),
    logCreator: clientLog(log),
  });
}

function saslOf(settings: KafkaSettings): SASLOptions | undefined {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  if (mechanism === undefined) return undefined;
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? "KAFKA_SASL_USERNAME" : "KAFKA_SASL_PASSWORD";
    throw new SettingsError([`${missing} is missing: KAFKA_SASL_MECHANISM=${mechanism} needs it`]);
  }
  // A union of mechanisms is not one of kafkajs' union of options, member by member it is.
  return mechanism === "plain" ? { mechanism, username, password } : scram(mechanism, username, password);
}

function scram(mechanism: "scram-sha-256" | "scram-sha-512", username: string, password: string): SASLOptions {
  return mechanism === "scram-sha-256" ? { mechanism, username, password } : { mechanism, username, password };
}
