import { Command } from "commander";
import { parseCommandLine } from "../command-line";

export interface DoctorOptions {
  readonly json: boolean;
}

/** @throws UsageError for an unknown or malformed option */
export function readOptions(args: readonly string[]): DoctorOptions {
  const command = new Command("npm run doctor --")
    .description(
      "Finds out what is wrong with this machine and the system that runs here, and how each thing is mended.",
    )
    .option("--json", "end with one line {ok, findings} on standard output")
    .addHelpText("after", notes);
  return { json: false, ...parseCommandLine(command, args).opts<Partial<DoctorOptions>>() };
}

const notes = `
It looks at Node and the packages, the disk and the ports, Kafka and its topics,
PostgreSQL with its clock, migrations and rights, Redis, both processes, dead
letters that wait, gaps and the lag. It changes nothing and takes a few seconds.
Where no system is known it looks at the machine alone: Java and Maven, Docker
or a Kafka, and what else npm start will need.

It asks what .local/env names, or KAFKA_BROKERS, DATABASE_URL (the owner's),
REDIS_URL, READER_URL and INGESTOR_URL.

Examples:
  npm run doctor
  npm run --silent doctor -- --json | jq '.findings[] | select(.mend)'

Exit codes: 0 all is well, 1 something is not, 2 used wrongly.`;
