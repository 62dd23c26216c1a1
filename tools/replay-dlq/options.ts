import { Command, InvalidArgumentError, Option } from "commander";
import { type RejectReason, rejectReasons } from "../../ingestor/judge";
import { mistakePath, moment, parseCommandLine, wholeNumber } from "../command-line";
import { isLetterId } from "../dlq/find-letters";
import { UsageError } from "../usage-error";

/** Which dead letters are meant; whatever is undefined leaves nothing out. */
export interface LetterWish {
  readonly reason: readonly RejectReason[] | undefined;
  /** A path as the table names it: `*` stands for any place in a list. */
  readonly path: string | undefined;
  /** x-dlq-ids. */
  readonly id: readonly string[] | undefined;
  /** An order's id. */
  readonly order: string | undefined;
  readonly dlqOffsets: OffsetWish | undefined;
  /** By when they failed last. */
  readonly since: Date | undefined;
  readonly until: Date | undefined;
}

/** Offsets of the dead-letter topic, inclusive, of one partition or of all. */
export interface OffsetWish {
  readonly partition: number | undefined;
  readonly first: bigint;
  readonly last: bigint | undefined;
}

export interface ReplayOptions extends LetterWish {
  /** Without it nothing is sent or written. */
  readonly go: boolean;
  /** At most so many are sent. */
  readonly limit: number | undefined;
  /** Records a second. */
  readonly rate: number | undefined;
  /** Also what would fail again. */
  readonly force: boolean;
  /** A shell command that mends a value. */
  readonly edit: string | undefined;
  readonly maxReplays: number;
  /** Whether to wait for what becomes of them. */
  readonly wait: boolean;
  readonly json: boolean;
}

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[], now: Date): ReplayOptions {
  const command = new Command("npm run replay-dlq --")
    .description(
      "Sends dead letters to the topic that they came from again. Without --go it only tells what would happen.",
    )
    .option("--go", "do it; without this nothing is sent and nothing is written")
    .addOption(new Option("--reason <R...>", "only of these reasons").choices(rejectReasons))
    .option(
      "--path <P>",
      "only with a mistake at this path or below; /items/*/price for any item, / for the whole document's alone",
      mistakePath,
    )
    .option(
      "--id <ID...>",
      "only these: x-dlq-id (topic:epoch:partition:offset), as npm run dlq -- list names them",
      letterIds,
    )
    .option("--order <ID>", "only those that carry this order's id, in order_uid or as their key")
    .option("--dlq-offsets <RANGE>", "only these offsets of the dead-letter topic: 17, 17-30, 17-, 0:17-30", offsets)
    .option(
      "--since <T>",
      "only what failed since 90m, 12h, 7d ago, or since a date like 2026-11-22T10:00Z",
      moment(now),
    )
    .option("--until <T>", "only what failed before then", moment(now))
    .option("--limit <N>", "send at most so many", wholeNumber(1))
    .option("--rate <R>", "records a second (default: as fast as they are acknowledged)", positive)
    .option("--edit <CMD>", "mend each value by this shell command first: value in, mended value out")
    .option("--force", "send also what would fail again")
    .option("--max-replays <N>", "leave alone what was brought back so often already", wholeNumber(1), 3)
    .option("--no-wait", "do not wait to see what becomes of them")
    .option("--json", "end with one line of JSON on standard output")
    .addHelpText("after", notes);
  type Switch = "go" | "force" | "json";
  type Given = Omit<ReplayOptions, Switch> & Partial<Pick<ReplayOptions, Switch>>;
  const given = parseCommandLine(command, args).opts<Given>();
  if (given.since && given.until && given.since >= given.until) throw new UsageError("--since is not before --until");
  return { go: false, force: false, json: false, ...given };
}

const notes = `
Every letter is judged again first, and against the orders that are stored; what
would fail again stays where it is. The record carries its original key, headers
and bytes (or the mended ones) to its original partition, with the time of now,
its x-dlq-id, and x-dlq-replays counted up. A ledger in PostgreSQL is written
before anything is sent: an interrupted run, whatever interrupted it, goes on
when the same command is given again, with the bytes that it had made; several
may run at once, and no letter is sent twice. A command of --edit that fails, or
takes longer than ten seconds, leaves its letter alone; another one than that of
an interrupted run mends anew what had not been sent.

The JSON is {dryRun, whole, matched, sent, stored, failedAgain, duplicate,
skipped: {why: count}}. matched counts records of the dead-letter topic, where
one that failed again stands once more; of those, what was come to: a run that
--limit or Ctrl-C has ended is not whole. sent counts what an interrupted run
had sent and this one found, too. Needs DATABASE_URL of the owner.

Examples:
  npm run replay-dlq
  npm run replay-dlq -- --reason schema --since 12h --limit 10 --go
  npm run replay-dlq -- --path /payment/amount \\
    --edit "sed -E 's/(\\"amount\\": ?)\\"([0-9]+)\\"/\\1\\2/'"

Exit codes: 0 done, 1 some failed again or were not sent as they should have
been, there is nothing of that --id or --order, or it could not go on, 2 used
wrongly.`;

/** One more of them. */
function letterIds(text: string, earlier: readonly string[] = []): readonly string[] {
  if (!isLetterId(text)) throw new InvalidArgumentError("It must be like orders:1:0:17, topic:epoch:partition:offset.");
  return [...earlier, text];
}

function offsets(text: string): OffsetWish {
  const [, partition, first, dash, last] = /^(?:(\d{1,9}):)?(\d{1,18})(-)?(\d{1,18})?$/.exec(text) ?? [];
  if (first === undefined || (last !== undefined && (dash === undefined || BigInt(last) < BigInt(first)))) {
    throw new InvalidArgumentError("It must be like 17, 17-30, 17- or 0:17-30.");
  }
  return {
    partition: partition === undefined ? undefined : Number(partition),
    first: BigInt(first),
    last: last !== undefined ? BigInt(last) : dash === undefined ? BigInt(first) : undefined,
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}
