import { SettingsError } from "../runtime/settings";
import { explainFailure, explainSettings } from "./explain-failure";
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
      const isUsage = error instanceof UsageError;
      const isSettings = error instanceof SettingsError;
      const text = isUsage ? error.message : isSettings ? explainSettings(error) : explainFailure(error);
      process.stderr.write(`${text}\n`);
      process.exit(isUsage || isSettings ? 2 : 1);
    },
  );
}

/** Resolves when the text has left the process: a pipe takes what is large in pieces. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}
