import type { Command, CommanderError } from "commander";

/** What commander says of a wrong command line, in words that name the nearest right one and where the rest stands. */
export function describeMistake(error: CommanderError, command: Command, args: readonly string[]): string {
  const meant = command.commands.find((each) => each.name() === args[0]);
  const message = error.message.replace(/^error: /, "");
  return `${inPlainWords(message, error.code, command, meant)}\n${hint(command, meant)}`;
}

/** Where all that can be asked for is listed, of a subcommand if one was named. */
export function hint(command: Command, meant?: Command): string {
  return `${command.name()} ${meant ? `${meant.name()} ` : ""}--help lists what can be asked for`;
}

function inPlainWords(message: string, code: string, command: Command, meant: Command | undefined): string {
  if (message === "(outputHelp)") return "say what to do";
  if (code === "commander.unknownOption") return suggest(message, command, meant);
  const [, name = ""] = /^missing required argument '([^']*)'$/.exec(message) ?? [];
  const choices = (meant ?? command).registeredArguments.find((each) => each.name() === name)?.argChoices;
  if (choices) return `${name} is missing: it is one of ${choices.join(", ")}`;
  return message.replace(
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/,
    (_, value, argument, allowed) => `${argument} cannot be ${JSON.stringify(value)}: it is one of ${allowed}`,
  );
}

/** Commander knows slips of the pen; people also leave off an option's end, or the subcommand that it belongs to. */
function suggest(message: string, command: Command, meant: Command | undefined): string {
  const [told = "", slip] = message.split("\n");
  const [, typed = ""] = /^unknown option '(--[^'=]+)/.exec(told) ?? [];
  const longs = ({ options }: Command): string[] => [...options.flatMap(({ long }) => long ?? []), "--help"];
  const begun = longs(meant ?? command).filter((long) => typed !== "" && long.startsWith(typed));
  const elsewhere = command.commands
    .filter((each) => longs(each).includes(typed))
    .map((each) => `${command.name()} ${each.name()} ${typed}`);
  const [fitting] = [elsewhere, begun].filter((each) => each.length > 0);
  const suggestion = fitting ? `(Did you mean ${fitting.join(" or ")}?)` : slip;
  return suggestion ? `${told}\n${suggestion}` : told;
}
