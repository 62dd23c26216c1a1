import { Command, Option } from "commander";
import { type RejectReason, rejectReasons } from "../../ingestor/judge";
import { mistakePath, moment, parseCommandLine, wholeNumber } from "../command-line";

export interface ListWish {
  readonly reason: RejectReason | undefined;
  /** A path as `stats` names it: `*` stands for any place in a list. */
  readonly path: string | undefined;
  readonly since: Date | undefined;
  readonly limit: number;
  readonly undelivered: boolean;
  /** Without those whose replay was stored, or found its order there, and without those that failed again since. */
  readonly open: boolean;
}

export type DlqOptions =
  | { readonly command: "stats"; readonly json: boolean }
  | ({ readonly command: "list"; readonly json: boolean } & ListWish)
  | {
      readonly command: "show";
      readonly json: boolean;
      readonly id: string;
      readonly raw: boolean;
      readonly full: boolean;
    };

/** @throws UsageError for an unknown or malformed command or option */
export function readOptions(args: readonly string[], now: Date): DlqOptions {
  let chosen: DlqOptions | undefined;
  const json = new Option("--json", "end with one line of JSON on standard output");
  const command = new Command("npm run dlq --").description(
    "Looks at the dead letters: the records that are no orders, as PostgreSQL keeps them. Changes nothing, needs no Kafka.",
  );
  command
    .command("stats", { isDefault: true })
    .description("how many there are, since when, why, and what waits for its delivery")
    .addOption(json)
    .addHelpText("after", statsExamples)
    .action((options) => {
      chosen = { json: false, ...options, command: "stats" };
    });
  command
    .command("list")
    .description("one a line, the newest first")
    .addOption(new Option("--reason <R>", "only of this reason").choices(rejectReasons))
    .option(
      "--path <P>",
      "only with a mistake at this path or below; /items/*/price for any item, / for the whole document's alone",
      mistakePath,
    )
    .option("--open", "only those that nobody has brought back yet, or in vain")
    .option("--since <T>", "only since 90m, 12h, 7d ago, or since a date like 2026-11-22T10:00Z", moment(now))
    .option("--limit <N>", "at most so many", wholeNumber(1), 20)
    .option("--undelivered", "only those that are not in the dead-letter topic")
    .addOption(json)
    .addHelpText("after", listExamples)
    .action((options) => {
      chosen = { json: false, undelivered: false, open: false, ...options, command: "list" };
    });
  command
    .command("show")
    .argument("<ID>", "x-dlq-id (topic:epoch:partition:offset), or the number of its row in the outbox")
    .description(
      "one of them; what may be personal is masked: strings by their length, numbers by 0; names of fields stay",
    )
    .option("--full", "mask nothing")
    .option("--raw", "write the value's exact bytes to standard output, and nothing else")
    .addOption(json)
    .addHelpText("after", showExamples)
    .action((id, options) => {
      chosen = { json: false, raw: false, full: false, ...options, command: "show", id };
    });
  command.addHelpText("after", notes);
  parseCommandLine(command, args);
  if (!chosen) throw new Error("commander has run no command");
  return chosen;
}

const notes = `
list is narrowed down by --reason, --path, --open, --since, --undelivered and
--limit, show takes --full and --raw: npm run dlq -- list --help tells of them.
Needs DATABASE_URL of the owner or the ingestor. On a terminal the tables are
cut to its width; a pipe and --json get all, and show tells all of one.

Examples:
  npm run dlq
  npm run dlq -- list --reason schema --since 12h
  npm run dlq -- show orders:1:0:17

Exit codes: 0 done, 1 there is no such dead letter, or PostgreSQL does not
answer, 2 used wrongly.`;

const statsExamples = `
Examples:
  npm run dlq -- stats
  npm run --silent dlq -- stats --json | jq .`;

const listExamples = `
Examples:
  npm run dlq -- list --open --limit 50
  npm run dlq -- list --reason schema --path /items/*/price
  npm run --silent dlq -- list --since 2026-11-22T10:00Z --json | jq .`;

const showExamples = `
Examples:
  npm run dlq -- show orders:1:0:17
  npm run dlq -- show 42 --full
  npm run --silent dlq -- show 42 --raw > value.json`;
