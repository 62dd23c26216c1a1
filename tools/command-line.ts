import { type Command, CommanderError, InvalidArgumentError } from "commander";
import { describeMistake, hint } from "./command-mistakes";
import { COMPLETION_WORDS, completionWords } from "./completion/words";
import { lineInstead } from "./swallowed-options";
import { UsageError } from "./usage-error";

/** The width that help is made for: a terminal is seldom narrower, and nobody likes to read longer lines. */
const HELP_COLUMNS = 80;

/**
 * Reads a tool's command line. Help goes to standard output and ends the process with 0.
 *
 * @param command its name is what people type before its options, such as `npm run dlq --`
 * @throws UsageError for whatever commander does not understand, and for an option that npm has taken for its own
 */
export function parseCommandLine(command: Command, args: readonly string[]): Command {
  if (args.length === 1 && args[0] === COMPLETION_WORDS) {
    process.stdout.write(JSON.stringify(completionWords(command)));
    process.exit(0);
  }
  const instead = lineInstead(command, args, process.env);
  if (instead !== undefined) throw new UsageError(`put -- before the options: ${instead}`);
  for (const each of [command, ...command.commands]) {
    each
      .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? HELP_COLUMNS, HELP_COLUMNS) })
      .configureOutput({ writeErr: () => {} })
      .exitOverride()
      .allowExcessArguments(false);
  }
  // A default command would take the word for an argument of its own.
  const [word = ""] = args;
  const known = command.commands.map((each) => each.name());
  if (known.length > 0 && !/^(-.*|help|)$/.test(word) && !known.includes(word)) {
    throw new UsageError(`unknown command ${JSON.stringify(word)} (${known.join(", ")})\n${hint(command)}`);
  }
  try {
    return command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw new UsageError(describeMistake(error, command, args));
  }
}

export function wholeNumber(min: number, max?: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < min || number > (max ?? Number.MAX_SAFE_INTEGER)) {
      throw new InvalidArgumentError(`It must be a whole number from ${min}${max === undefined ? "" : ` to ${max}`}.`);
    }
    return number;
  };
}

/** A place in a document, as the dead letters' mistakes name it. */
export function mistakePath(text: string): string {
  if (text.startsWith("/")) return text;
  throw new InvalidArgumentError(`It begins with a slash: /${text}`);
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time that is so long ago, or is written as a date. */
export function moment(now: Date): (text: string) => Date {
  return (text) => {
    const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
    const time = unit ? now.getTime() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] : Date.parse(text);
    if (Number.isNaN(time)) throw new InvalidArgumentError("It must be like 90m, 12h, 7d, or a date.");
    return new Date(time);
  };
}
