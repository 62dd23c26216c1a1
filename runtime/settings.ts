/**
 * Every setting of every process, in one table: its default, how its text is read, and what it is for. `.env.example`
 * repeats the table for people and a test compares the two.
 *
 * A process names the settings that it uses and gets them typed, or one error that lists every problem.
 */

type Parse<T> = (text: string) => T;

interface Setting<T> {
  readonly parse: Parse<T>;
  /** What an absent or empty variable means. `undefined`: the setting is optional; `required`: there is no default. */
  readonly default: string | undefined | typeof required;
  readonly description: string;
}

const required = Symbol("required");

function setting<T>(parse: Parse<T>, description: string, fallback: string | typeof required): Setting<T>;
function setting<T>(parse: Parse<T>, description: string): Setting<T | undefined>;
function setting<T>(parse: Parse<T>, description: string, fallback?: string | typeof required): Setting<T> {
  return { parse, description, default: fallback };
}

const text: Parse<string> = (value) => value;

const hosts: Parse<string[]> = (value) => {
  const brokers = value.split(",").map((part) => part.trim());
  if (brokers.some((broker) => !/^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(broker))) {
    throw new Error("must be host:port, or several with commas between");
  }
  return brokers;
};

const url =
  (...protocols: string[]): Parse<string> =>
  (value) => {
    const protocol = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : "";
    if (!protocols.includes(protocol))
      throw new Error(`must be a URL that begins with ${protocols.join(":// or ")}://`);
    return value;
  };

const integer =
  (min: number, max: number): Parse<number> =>
  (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };

const oneOf =
  <const T extends string>(...values: T[]): Parse<T> =>
  (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new Error(`must be one of ${values.join(", ")}`);
    return found;
  };

const yesOrNo: Parse<boolean> = (value) => oneOf("true", "false")(value) === "true";
const onOrOff: Parse<boolean> = (value) => oneOf("on", "off")(value) === "on";

const port = integer(0, 65_535);
const mebibytes: Parse<number> = (value) => integer(1, 1_048_576)(value) * 1_048_576;

export const settingsTable = {
  KAFKA_BROKERS: setting(hosts, "Kafka's bootstrap brokers, host:port, commas between", "127.0.0.1:9092"),
  KAFKA_SSL: setting(yesOrNo, "speak TLS to the brokers", "false"),
  KAFKA_SASL_MECHANISM: setting(oneOf("plain", "scram-sha-256", "scram-sha-512"), "how to log in to the brokers"),
  KAFKA_SASL_USERNAME: setting(text, "user for KAFKA_SASL_MECHANISM"),
  KAFKA_SASL_PASSWORD: setting(text, "password for KAFKA_SASL_MECHANISM"),
  KAFKA_TOPIC: setting(text, "the topic that orders are published to", "orders"),
  KAFKA_DLQ_TOPIC: setting(text, "the topic that takes what is not a valid order", "orders.dlq"),
  KAFKA_GROUP: setting(text, "the ingestor's consumer group", "orders-ingestor"),
  DATABASE_URL: setting(url("postgres", "postgresql"), "PostgreSQL, as the user that the process is to have", required),
  INGESTOR_DATABASE_URL: setting(
    url("postgres", "postgresql"),
    "read by `npm run migrate`: the user orders_ingestor gets the password given here",
  ),
  READER_DATABASE_URL: setting(
    url("postgres", "postgresql"),
    "read by `npm run migrate`: the user orders_reader gets the password given here",
  ),
  REDIS_URL: setting(url("redis", "rediss"), "where BullMQ keeps its jobs; without it they are kept in PostgreSQL"),
  INGESTOR_HOST: setting(text, "address of the ingestor's health and metrics", "127.0.0.1"),
  INGESTOR_PORT: setting(port, "port of the ingestor's health and metrics, 0 for any free one", "8081"),
  INGESTOR_BATCH_RECORDS: setting(integer(1, 10_000), "a transaction stores at most this many records", "1000"),
  INGESTOR_BATCH_MIB: setting(mebibytes, "a transaction stores at most this many MiB, or one record", "8"),
  INGESTOR_PARTITIONS_AT_ONCE: setting(integer(1, 64), "partitions that are ingested side by side", "3"),
  READER_HOST: setting(text, "address that the reader listens on", "127.0.0.1"),
  READER_PORT: setting(port, "port that the reader listens on, 0 for any free one", "8080"),
  READER_CACHE_MIB: setting(mebibytes, "the reader keeps at most this many MiB of orders in memory", "1024"),
  READER_POLL_MS: setting(integer(50, 60_000), "the reader looks for new orders at least this often, in ms", "500"),
  READER_RECENT: setting(onOrOff, "the page shows orders as they arrive: on or off", "on"),
  LOG_LEVEL: setting(
    oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "how much is logged: trace, debug, info, warn, error, fatal or silent",
    "info",
  ),
  LOG_FORMAT: setting(
    oneOf("auto", "json", "pretty"),
    "auto (pretty on a terminal, JSON lines elsewhere), json or pretty",
    "auto",
  ),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settingsTable;
export type Settings<Names extends SettingName> = {
  readonly [Name in Names]: ReturnType<(typeof settingsTable)[Name]["parse"]>;
};

/** Settings that cannot be used, all of them in one message. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  constructor(
    readonly problems: readonly string[],
    /** The settings among them that have no value at all. */
    readonly missing: readonly SettingName[] = [],
  ) {
    super(
      `${problems.length === 1 ? "a setting" : `${problems.length} settings`} cannot be used:\n  ${problems.join("\n  ")}`,
    );
  }
}

/**
 * Reads the named settings from environment variables. An empty variable counts as absent.
 *
 * @throws SettingsError naming every variable that is missing or malformed; a password is never repeated.
 */
export function readSettings<Names extends SettingName>(
  names: readonly Names[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Settings<Names> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const missing: SettingName[] = [];
  for (const name of names) {
    const entry: Setting<unknown> = settingsTable[name];
    const value = env[name] || entry.default;
    if (value === required) {
      missing.push(name);
      problems.push(
        `${name} is missing: ${entry.description} (see .env.example; \`npm start\` starts a system and writes its addresses to .local/env, which a shell reads by: set -a; . .local/env; set +a)`,
      );
    } else if (value !== undefined) {
      try {
        values[name] = entry.parse(value as string);
      } catch (error) {
        const shown = /URL|PASSWORD/.test(name) ? "" : ` (it is ${JSON.stringify(value)})`;
        problems.push(`${name} ${(error as Error).message}${shown}`);
      }
    }
  }
  if (problems.length > 0) throw new SettingsError(problems, missing);
  return values as Settings<Names>;
}
