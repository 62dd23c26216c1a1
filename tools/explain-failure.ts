import { readSettings, type SettingsError } from "../runtime/settings";

/** What a new user, who has started nothing yet, needs to hear instead of a setting's name. */
export function explainSettings(error: SettingsError): string {
  const isNothingNamed = error.problems.length === 1 && error.missing.includes("DATABASE_URL");
  return isNothingNamed
    ? "no system is known here: npm start starts one, and DATABASE_URL names another's PostgreSQL (DATABASE_URL is missing)"
    : error.message;
}

/**
 * What ended a tool, in words that name the thing and the way out; a defect with its stack.
 *
 * @param env the settings that the tool ran with, for the addresses; what stands before a URL's host is never told
 */
export function explainFailure(error: unknown, env: Readonly<NodeJS.ProcessEnv> = process.env): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  const access = explainAccess(error);
  if (access !== undefined) return access;
  if (code === UNDEFINED_TABLE) return `${error.message}: is the database migrated? npm run migrate`;
  if (code === INSUFFICIENT_PRIVILEGE) {
    return `${error.message}: this needs the owner's DATABASE_URL; npm start writes it to .local/env`;
  }
  // Refused connections come as an error of several addresses, whose own message is empty.
  const text = error.message || (error instanceof AggregateError ? error.errors.map(String).join("; ") : error.name);
  if (error.name.startsWith("KafkaJS")) {
    const brokers = readSettings(["KAFKA_BROKERS"], env).KAFKA_BROKERS;
    return `${isKafkaOutOfReach(error) ? `cannot reach Kafka at ${brokers}: ` : ""}${text}\n${startOne("KAFKA_BROKERS")}`;
  }
  if (isOutOfReach(code)) return `cannot reach ${postgresOf(env)}: ${text}\n${startOne("DATABASE_URL")}`;
  const isDefect = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return isDefect ? (error.stack ?? text) : text;
}

/** What to do about a file that this user may not use; nothing for another failure. */
export function explainAccess(error: unknown): string | undefined {
  const { code = "", path, message } = error as NodeJS.ErrnoException;
  if (path === undefined || !["EACCES", "EPERM", "EROFS"].includes(code)) return undefined;
  return `${message}: use a folder that is yours (ORDERS_HOME=/folder names one for the data), or have its owner give you this one (chown -R)`;
}

/** PostgreSQL's codes. */
const UNDEFINED_TABLE = "42P01";
const INSUFFICIENT_PRIVILEGE = "42501";

/** Node's codes for an address that nobody answers at. */
function isOutOfReach(code: unknown): boolean {
  return (
    typeof code === "string" && /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT)$/.test(code)
  );
}

/** A broker's refusal is an answer: only without one is Kafka out of reach. */
function isKafkaOutOfReach(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (/^KafkaJS(Connection|RequestTimeout|BrokerNotFound)/.test(cause.name)) return true;
  }
  return false;
}

function postgresOf({ DATABASE_URL = "" }: Readonly<NodeJS.ProcessEnv>): string {
  return URL.canParse(DATABASE_URL) ? `PostgreSQL at ${new URL(DATABASE_URL).host}` : "PostgreSQL";
}

function startOne(setting: "KAFKA_BROKERS" | "DATABASE_URL"): string {
  return `start one with npm start, or name another in ${setting}`;
}
