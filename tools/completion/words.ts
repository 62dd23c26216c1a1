import type { Command } from "commander";

/** What a tool is given to tell its words instead of running; of no use to people. */
export const COMPLETION_WORDS = "--completion-words";

/**
 * What may follow, by what stands before it: "" for the command itself, `list` for its subcommand, `list --reason` for an
 * option that takes one of some words.
 */
export type CompletionWords = Readonly<Record<string, readonly string[]>>;

export function completionWords(command: Command): CompletionWords {
  return Object.assign({}, wordsOf(command, ""), ...command.commands.map((each) => wordsOf(each, each.name())));
}

function wordsOf({ commands, options, registeredArguments }: Command, before: string): CompletionWords {
  const named = options.flatMap(({ long, argChoices }) => (long ? [{ long, choices: argChoices ?? [] }] : []));
  const first = [
    ...commands.map((each) => each.name()),
    ...registeredArguments.flatMap((each) => each.argChoices ?? []),
  ];
  const choices = named.filter((option) => option.choices.length > 0);
  return {
    [before]: [...first, ...named.map(({ long }) => long), "--help"],
    ...Object.fromEntries(choices.map((option) => [`${before} ${option.long}`.trim(), option.choices])),
  };
}
