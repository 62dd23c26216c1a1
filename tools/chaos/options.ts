import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseCommandLine, wholeNumber } from "../command-line";
import { UsageError } from "../usage-error";
import { type FaultName, type FaultTarget, faultNames, targetNames } from "./schedule";
import { type Guard, guardNames } from "./without-guard";

export interface ChaosOptions {
  readonly runs: number;
  /** Of load and faults a run; starting, draining and comparing come on top. */
  readonly seconds: number;
  /** Of the first run; each further one has the next. */
  readonly seed: number;
  readonly faults: readonly FaultName[];
  /** The parts that faults come to. */
  readonly targets: readonly FaultTarget[];
  /** Records a second. */
  readonly rate: number;
  /** Another build whose programs are run. */
  readonly dist: string | undefined;
  readonly without: Guard | undefined;
  readonly record: boolean;
  readonly keep: boolean;
  readonly json: boolean;
}

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[]): ChaosOptions {
  const command = new Command("npm run chaos --")
    .description(
      "Runs systems of its own, breaks their parts at random under load, and counts what was lost or doubled.",
    )
    .option("--runs <N>", "so many runs, each on a new system", wholeNumber(1), 1)
    .option("--seconds <S>", "seconds of load and faults a run", wholeNumber(5), 120)
    .option(
      "--seed <K>",
      "of the first run, the next has K+1: it decides on faults and orders (default: any)",
      wholeNumber(0),
    )
    .option(
      "--faults <LIST>",
      `which faults, commas between (default: all: ${faultNames.join(", ")})`,
      listOf(faultNames),
    )
    .option("--targets <LIST>", "only to these parts, commas between; docs/chaos.md names them", listOf(targetNames))
    .option("--rate <N>", "records published a second", wholeNumber(1), 140)
    .option("--record", "append a row for each run to docs/chaos.md")
    .option("--keep", "keep the data and logs of good runs too")
    .option("--json", "end with one line {ok, runs} on standard output")
    .option("--dist <FOLDER>", "run the compiled programs of another build")
    .addOption(
      new Option("--without <GUARD>", "run this build with one of its guards cut out, which has to be found").choices(
        guardNames,
      ),
    )
    .addHelpText("after", notes);
  const parsed = parseCommandLine(command, args).opts<Partial<ChaosOptions>>();
  if (parsed.dist && parsed.without) throw new UsageError("--dist and --without exclude each other");
  if (parsed.record && (parsed.dist || parsed.without)) {
    throw new UsageError("--record is for the programs as they are: not with --dist or --without");
  }
  return {
    ...{ runs: 1, seconds: 120, rate: 140, faults: faultNames, targets: targetNames, without: undefined },
    ...{ record: false, keep: false, json: false },
    ...parsed,
    seed: parsed.seed ?? randomInt(2 ** 31),
    dist: parsed.dist === undefined ? undefined : resolve(process.env["INIT_CWD"] ?? ".", parsed.dist),
  };
}

function listOf<T extends string>(known: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(",").map((name) => {
      const found = known.find((each) => each === name.trim());
      if (!found) throw new InvalidArgumentError(`There are ${known.join(", ")}.`);
      return found;
    });
}

const notes = `
Needs what npm start needs, and redis-server; Linux only. Touches no other
system: each run has its own Kafka, PostgreSQL, Redis, two ingestors and two
readers, on free ports, and leaves nothing behind unless something is wrong.
docs/chaos.md tells what is done and what is counted.

Examples:
  npm run chaos
  npm run chaos -- --seconds 30 --seed 7
  npm run chaos -- --runs 10 --record

Exit codes: 0 nothing was lost, doubled or wrong; 1 something was, or a run
could not be made; 2 used wrongly.`;
