import { runMain } from "../runtime/run-main";
import { migrate } from "./migrate";

const program = {
  command: "npm run migrate",
  description: `Creates or updates the tables, views and roles in the database of DATABASE_URL, whose user owns them.
May be run again at any time. Beside a running \`npm start\`, which has done it already:
  set -a; . .local/env; set +a; npm run migrate`,
  settings: ["DATABASE_URL", "INGESTOR_DATABASE_URL", "READER_DATABASE_URL"],
  exitCodes: "0 the database is up to date, 1 it could not be brought up to date, 2 used wrongly.",
} as const;

runMain(program, async (settings) => {
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
