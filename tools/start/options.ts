import { Command } from "commander";
import { parseCommandLine, wholeNumber } from "../command-line";

export interface StartOptions {
  readonly servicesOnly?: true;
  readonly redis?: true;
  readonly sample: boolean;
  readonly port?: number;
  readonly anyPorts?: true;
  readonly home?: string;
  readonly quiet?: true;
}

const HELP = `
KAFKA_BROKERS, DATABASE_URL and REDIS_URL name services to use instead of our
own; KAFKA_HOME a Kafka distribution.

Examples:
  npm start
  npm start -- --port 9000 --no-sample
  KAFKA_BROKERS=127.0.0.1:9092 npm start -- --quiet

Exit codes: 0 stopped when told to, or running already; 1 it could not be
started; 2 used wrongly.`;

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[]): StartOptions {
  const command = new Command("npm start --")
    .description("Runs the whole system on this machine until Ctrl-C. Its data is kept in .local, or in ORDERS_HOME.")
    .option("--services-only", "Kafka with its topics and Postgres with its tables; neither ingestor nor reader")
    .option("--redis", "a redis-server for the dead letters' queue, which is otherwise kept in Postgres")
    .option("--no-sample", "publish no orders")
    .option("--port <port>", "the page's port", wholeNumber(0, 65_535))
    .option("--any-ports", "take any free ports instead of the usual ones")
    .option("--home <folder>", "where the data is kept, before ORDERS_HOME")
    .option("--quiet", "log only what is wrong")
    .addHelpText("after", HELP);
  return parseCommandLine(command, args).opts<StartOptions>();
}
