import { readSettings, type SettingName, type Settings, SettingsError, settingsTable } from "./settings";

/** What a program says of itself when it is asked for help. */
export interface Program<Names extends SettingName> {
  /** What people type to run it. */
  readonly command: string;
  /** What it is, and what to know to run it alone. */
  readonly description: string;
  /** What it reads from the environment. */
  readonly settings: readonly Names[];
  /** Each code and its meaning, in one sentence. */
  readonly exitCodes: string;
}

/**
 * Runs a program that takes all it needs to know from the environment. `--help` tells on standard output what it is; any
 * other argument and mistakes in the settings are told in words on standard error and end it with exit code 2. Any error
 * that escapes its main function ends it with exit code 1.
 */
export function runMain<Names extends SettingName>(
  program: Program<Names>,
  main: (settings: Settings<Names>) => Promise<void>,
): void {
  const [argument] = process.argv.slice(2);
  if (argument === "--help" || argument === "-h") {
    process.stdout.write(helpOf(program));
    return;
  }
  if (argument !== undefined) {
    // `help`, `--hlep`, `-?`: all that anybody means by such a word.
    const meant = /^-*[h?]/i.test(argument) ? " (did you mean --help?)" : "";
    process.stderr.write(`${argument} is not known${meant}: ${program.command} -- --help tells what is\n`);
    process.exitCode = 2;
    return;
  }
  const start = async (): Promise<void> => main(readSettings(program.settings));
  start().catch((error: unknown) => {
    const used = error instanceof SettingsError;
    process.stderr.write(`${used ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(used ? 2 : 1);
  });
}

function helpOf({ command, description, settings, exitCodes }: Program<SettingName>): string {
  const width = Math.max(...settings.map((name) => name.length));
  const lines = settings.map((name) => {
    const { description: meaning, default: fallback } = settingsTable[name];
    const otherwise = typeof fallback === "symbol" ? " (required)" : fallback ? ` (default: ${fallback})` : "";
    return `  ${name.padEnd(width)}  ${meaning}${otherwise}\n`;
  });
  return `Usage: ${command}\n\n${description}\n\nSettings, read from the environment alone:\n${lines.join("")}\nExit codes: ${exitCodes}\n`;
}
