import { type Connection, openConnection } from "../../prisma/open-connection";
import { explainFailure } from "../explain-failure";
import { type BookedPosition, checkGaps, checkOutbox, readPositions } from "./check-books";
import { checkMigrations } from "./check-migrations";
import { checkRights } from "./check-rights";
import { type Check, type Finding, notAsked, unwell, well } from "./finding";

/** What PostgreSQL says, and how far the topic has been ingested; no positions if it could not be asked. */
export interface PostgresLook {
  readonly findings: readonly Finding[];
  readonly positions: readonly BookedPosition[] | undefined;
}

/** The version that `npm start` and docker-compose.yml bring along; older ones were not tried. */
const TRIED_VERSION = 18;
/** The stated time from a commit to its being readable; a clock that is further off makes every age in the metrics wrong. */
const MOST_SKEW_MS = 2_000;

/** @param now this machine's clock, ms since 1970 */
export async function checkPostgres(databaseUrl: string, topic: string, now = Date.now): Promise<PostgresLook> {
  let connection: Connection;
  try {
    connection = await openConnection(databaseUrl, { name: "orders-doctor", answerWithinMs: 10_000 });
  } catch (error) {
    const [what = "", ...rest] = explainFailure(error).split("\n");
    const unreached = unwell(
      "postgres",
      what,
      rest.join("; ") || "look at DATABASE_URL, and into the server's own log",
    );
    return { findings: [unreached, ...unasked("PostgreSQL does not answer")], positions: undefined };
  }
  try {
    await connection.ask("SET default_transaction_read_only = on");
    const first = [await checkServer(connection), await checkClock(connection, now)];
    const migrations = await checkMigrations(connection);
    const isEmpty = (await connection.ask("SELECT FROM pg_tables WHERE tablename = 'positions'")).length === 0;
    if (isEmpty) {
      const rest = unasked("there are no tables yet", ["rights", "outbox", "gaps"]);
      return { findings: [...first, ...migrations, ...rest], positions: undefined };
    }
    const rights = await checkRights(connection);
    const books = [await checkOutbox(connection), await checkGaps(connection, topic)].flat();
    return {
      findings: [...first, ...migrations, ...rights, ...books],
      positions: await readPositions(connection, topic),
    };
  } catch (error) {
    const mend = "give DATABASE_URL of the database's owner, as npm start writes it to .local/env";
    return { findings: [unwell("postgres", explainFailure(error), mend)], positions: undefined };
  } finally {
    await connection.close();
  }
}

function unasked(
  because: string,
  which: readonly Check[] = ["clock", "migrations", "rights", "outbox", "gaps"],
): Finding[] {
  return which.map((check) => notAsked(check, because));
}

async function checkServer(connection: Connection): Promise<Finding> {
  const [row] = await connection.ask<{ version: string; number: number; synchronous: string; fsync: string }>(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('synchronous_commit') AS synchronous, current_setting('fsync') AS fsync`);
  const { version = "?", number = 0, synchronous, fsync } = row ?? {};
  if (fsync !== "on" || synchronous === "off") {
    const what = `a commit may be lost with the power: fsync is ${fsync}, synchronous_commit ${synchronous}`;
    return unwell(
      "postgres",
      what,
      "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET synchronous_commit = on; then reload",
    );
  }
  const old = `PostgreSQL ${version} was never tried with this project`;
  if (number < TRIED_VERSION * 10_000) return unwell("postgres", old, `upgrade it to ${TRIED_VERSION}`);
  return well("postgres", `PostgreSQL ${version}`);
}

/** Compares the two clocks to half of the time that the question takes. Kafka tells nobody its time. */
export async function checkClock(connection: Connection, now: () => number): Promise<Finding> {
  const asked = now();
  const [row] = await connection.ask<{ ms: number }>(
    "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms",
  );
  const answered = now();
  const away = Math.round((row?.ms ?? Number.NaN) - (asked + answered) / 2);
  const uncertain = Math.ceil((answered - asked) / 2);
  const what = `PostgreSQL's clock is ${Math.abs(away)} ms ${away < 0 ? "behind" : "ahead of"} this machine's`;
  if (Math.abs(away) - uncertain <= MOST_SKEW_MS) return well("clock", what);
  return unwell("clock", what, "let both machines follow NTP; until then ages in the metrics are wrong by as much");
}
