import { SettingsError } from "./settings";

/**
 * Runs a program's main function. Mistakes in the settings are told in words on standard error and end it with exit
 * code 2; any other error that escapes ends it with exit code 1.
 */
export function runMain(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    const used = error instanceof SettingsError;
    process.stderr.write(`${used ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(used ? 2 : 1);
  });
}
