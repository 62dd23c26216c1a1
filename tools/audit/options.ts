import { Command } from "commander";
import { parseCommandLine, wholeNumber } from "../command-line";

export interface AuditOptions {
  /** PostgreSQL alone. */
  readonly quick: boolean;
  readonly json: boolean;
  /** So many differences are named. */
  readonly differences: number;
  /** Seconds to wait for the ingestor. */
  readonly wait: number;
  /** So many dead letters of an earlier life of the database are believed; undefined: any number. */
  readonly earlier: number | undefined;
}

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[]): AuditOptions {
  const command = new Command("npm run audit --")
    .description(
      "Compares Kafka with PostgreSQL: every record of the log is a stored order, a duplicate or a dead letter, byte for byte.",
    )
    .option("--quick", "compare the counters with the rows of PostgreSQL only; needs no Kafka")
    .option("--wait <S>", "wait at most so many seconds for the ingestor to reach the log's end", wholeNumber(0), 30)
    .option("--earlier <N>", "believe at most so many dead letters of an earlier life of the database", wholeNumber(0))
    .option("--differences <N>", "name at most so many differences", wholeNumber(0), 20)
    .option("--json", "end with one line {ok, partitions, letters, endedLives, differences} on standard output")
    .addHelpText("after", notes);
  type Given = Partial<AuditOptions> & Pick<AuditOptions, "wait" | "differences">;
  return { quick: false, json: false, earlier: undefined, ...parseCommandLine(command, args).opts<Given>() };
}

const notes = `
It is ok when there is no difference, no gap (offsets that Kafka had deleted
before they were ingested) and no lag (records that are not ingested yet). Where
the log begins later than at its first record, only the counters speak for what
was before. Reads only; run it whenever you like, also under load. Needs
DATABASE_URL of the owner.

What it cannot tell:
- What a topic that was deleted still held unread; where its positions ended is
  told.
- Whether a valid order was really unstorable or killed the process that judged
  it, if the outbox says so.
- A database that was taken back, or begun anew, does not know all dead letters;
  those that fit its earlier life are counted and are no difference. Forged ones
  that name a time before this database first saw the topic pass for such as
  long as it has put no letter of its own in front of them: with --earlier 0, or
  the number that was counted once after such a change, every further one is a
  difference.
- Where Kafka has deleted dead letters, missing ones are excused: at most as
  many, and only those of records that failed before the oldest ones that it
  still holds were delivered.

--json is one line, in which null says that it cannot be told:
  {ok, partitions: [{topic, partition, epoch, received, stored, duplicate,
  dead, gap, lag}], letters: {purged, earlier}, endedLives: [{topic, epoch,
  positions: [{partition, nextOffset}]}], differences: [{kind, at, detail}]}
Of the dead letters it counts those that Kafka has deleted and those of an
earlier life of the database; endedLives are those of a topic that was made
anew, with where each position stood.

Examples:
  npm run audit
  npm run audit -- --quick
  npm run --silent audit -- --wait 120 --json | jq .differences

Exit codes: 0 it is ok, 1 it is not, or it could not be found out, 2 used
wrongly.`;
