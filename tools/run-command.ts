import { SettingsError } from "../runtime/settings";
import { UsageError } from "./usage-error";

/**
 * Runs a command's main function with the command line's arguments and ends the process with the code that it gives: 0
 * done, 1 it ran and the answer is bad. A mistake in its use or in the settings is 2; whatever else it throws is told on
 * standard error, with all causes, and is 1.
 */
export function runCommand(main: (args: readonly string[]) => Promise<number>): void {
  main(process.argv.slice(2)).then(
    // A server that hangs must not keep a finished tool alive.
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      const used = error instanceof UsageError || error instanceof SettingsError;
      process.stderr.write(`${used ? error.message : explain(error)}\n`);
      process.exit(used ? 2 : 1);
    },
  );
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  // PostgreSQL: undefined table.
  if (code === "42P01") return `${error.message}: is the database migrated? npm run migrate`;
  if (error.name.startsWith("KafkaJS")) return `${error.message}\n${startOne("KAFKA_BROKERS")}`;
  // Refused connections come as an error of several addresses, whose own message is empty.
  const text = error.message || (error instanceof AggregateError ? error.errors.map(String).join("; ") : error.name);
  if (isOutOfReach(code)) return `${text}\n${startOne("DATABASE_URL")}`;
  const isDefect = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return isDefect ? (error.stack ?? text) : text;
}

/** Node's codes for an address that nobody answers at. */
function isOutOfReach(code: unknown): boolean {
  return (
    typeof code === "string" && /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT)$/.test(code)
  );
}

function startOne(setting: "KAFKA_BROKERS" | "DATABASE_URL"): string {
  return `start one with npm start, or name another in ${setting}`;
}

/** Resolves when the text has left the process: a pipe takes what is large in pieces. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}
