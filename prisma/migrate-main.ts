import { runMain } from "../runtime/run-main";
import { readSettings } from "../runtime/settings";
import { migrate } from "./migrate";

const HELP = `Usage: npm run migrate

Creates or updates the tables, views and roles in the database of DATABASE_URL, whose user owns them.
INGESTOR_DATABASE_URL and READER_DATABASE_URL, if given, set the passwords of orders_ingestor and orders_reader.
May be run again at any time.

Exit codes: 0 the database is up to date, 1 it could not be brought up to date, 2 a setting cannot be used.
`;

runMain(async () => {
  const [argument] = process.argv.slice(2);
  if (argument !== undefined) {
    const isHelp = argument === "--help" || argument === "-h";
    process.stderr.write(isHelp ? HELP : `${argument} is not known.\n\n${HELP}`);
    process.exitCode = isHelp ? 0 : 2;
    return;
  }
  const settings = readSettings(["DATABASE_URL", "INGESTOR_DATABASE_URL", "READER_DATABASE_URL"]);
  const { applied, logins } = await migrate({
    databaseUrl: settings.DATABASE_URL,
    ingestorUrl: settings.INGESTOR_DATABASE_URL,
    readerUrl: settings.READER_DATABASE_URL,
  });
  process.stdout.write(applied.length > 0 ? `applied ${applied.join(", ")}\n` : "the database is up to date\n");
  if (logins.length > 0) process.stdout.write(`${logins.join(" and ")} can log in\n`);
  // Prisma's engine leaves a timer behind (that of its lock), which would keep this process for ten more seconds.
  process.stdout.write("", () => process.exit(0));
});
