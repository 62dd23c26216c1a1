import { Command, InvalidArgumentError, Option } from "commander";
import { CompressionTypes } from "kafkajs";
import { parseCommandLine } from "../command-line";
import { UsageError } from "../usage-error";

/** What the command line asks for, checked. */
export interface PublishOptions {
  /** Paths, `-` for standard input. */
  readonly files: readonly string[];
  readonly sample: boolean;
  /** How many orders to generate. */
  readonly generate: number | undefined;
  /** Records a second; without it as fast as they are acknowledged. */
  readonly rate: number | undefined;
  readonly seed: number | undefined;
  /** Share of the generated orders that are broken on purpose, 0 to 1. */
  readonly bad: number | undefined;
  readonly topic: string | undefined;
  /** The key of every record, instead of its order's id. */
  readonly key: string | undefined;
  readonly codec: keyof typeof codecs;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

type Switch = "sample" | "dryRun" | "json";

/**
 * Reads the command line. Help goes to standard output and ends the process with 0.
 *
 * @throws UsageError for an unknown or malformed option, or when there is nothing to publish
 */
export function readOptions(args: readonly string[]): PublishOptions {
  const command = new Command("npm run publish --")
    .description("Publishes orders to Kafka and waits until all replicas have them.")
    .argument("[FILE...]", "files to publish, - for standard input")
    .option("--sample", "publish the example order (ingestor/order-example.json)")
    .option("--generate <N>", "publish so many generated, realistic orders", wholeNumber(1))
    .option("--rate <R>", "records a second, steadily (default: as fast as they are acknowledged)", positive)
    .option(
      "--seed <S>",
      "the same seed generates the same bytes (default: a random one, which is told)",
      wholeNumber(0),
    )
    .option("--bad <SHARE>", "break this share of the generated orders on purpose, 0 to 1", share)
    .option("--topic <T>", "topic (default: KAFKA_TOPIC, else orders)", notEmpty)
    .option("--key <K>", 'key of every record, "" for an empty one (default: its order_uid, if it has one)')
    .addOption(new Option("--codec <NAME>", "compression").choices(Object.keys(codecs)).default("none"))
    .option("--dry-run", "do everything but send; needs no Kafka")
    .option("--json", "end with one line {sent, failed, ids} on standard output")
    .addHelpText("after", forms);
  parseCommandLine(command, args);
  // Commander leaves a switch out that was not given, and would write "(default: false)" behind one that has a default.
  type Given = Partial<PublishOptions> & Omit<PublishOptions, Switch>;
  const switches = { sample: false, dryRun: false, json: false };
  const options: PublishOptions = { ...switches, ...command.opts<Given>(), files: command.args };
  if (options.files.length === 0 && !options.sample && options.generate === undefined) {
    throw new UsageError("nothing to publish: name a file, - for standard input, --sample, or --generate N");
  }
  for (const name of ["seed", "bad"] as const) {
    if (command.getOptionValue(name) !== undefined && options.generate === undefined) {
      throw new UsageError(`--${name} says how orders are generated: add --generate N`);
    }
  }
  return options;
}

const forms = `
A file is taken for
  an array    when it is a JSON array: each element is a record, exactly as its
              text stands there
  NDJSON      when its first line is JSON by itself and not the only line: each
              line that is not blank is a record, without its line end
  one record  otherwise: sent byte for byte with all its white space, also when
              it is no order or no JSON

ids are those of the acknowledged records that have an order_uid; records broken
by --bad are not among them, though they carry the id as their key. Up to 20 are
printed one a line, more with --json only.

Examples:
  npm run publish -- --sample
  npm run publish -- --generate 1000 --bad 0.1 --rate 50
  npm run publish -- ingestor/order-example.json --dry-run

Exit codes: 0 all acknowledged, 1 some were not (they are named), 2 used
wrongly.`;

function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < min || !Number.isSafeInteger(number)) {
      throw new InvalidArgumentError(`It must be a whole number from ${min}.`);
    }
    return number;
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

function share(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !(number >= 0 && number <= 1)) {
    throw new InvalidArgumentError("It must be a number from 0 to 1.");
  }
  return number;
}

function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}
