import { join } from "node:path";
import { SteadyClient } from "../../prisma/steady-client";
import { isUpToDate } from "../../prisma/up-to-date";
import { projectRoot } from "../../runtime/project-root";
import type { Passwords } from "./passwords";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { System } from "./system";

/** Who connects how: the owner migrates, each process has a user of its own with the least rights. */
export interface DatabaseUrls {
  readonly owner: string;
  readonly ingestor: string;
  readonly reader: string;
}

/**
 * Brings the owner's database up to date and gives the two processes their users. Where the owner may not make roles,
 * both processes connect as the owner, and that is said.
 *
 * @throws StartError with the migration's own words if it fails
 */
export async function migrateDatabase(system: System, owner: string, passwords: Passwords): Promise<DatabaseUrls> {
  const ingestor = process.env["INGESTOR_DATABASE_URL"] || withUser(owner, "orders_ingestor", passwords);
  const reader = process.env["READER_DATABASE_URL"] || withUser(owner, "orders_reader", passwords);
  const both = [ingestor, reader];
  const { isDone, mayMakeLogins } = await lookAt(owner);
  if (isDone && (await canAllLogIn(both))) {
    await system.steps.step("tables are up to date", async () => {});
    return { owner, ingestor, reader };
  }
  const logins = mayMakeLogins ? { INGESTOR_DATABASE_URL: ingestor, READER_DATABASE_URL: reader } : {};
  const { INGESTOR_DATABASE_URL, READER_DATABASE_URL, ...env } = process.env;
  // A process of its own, because Prisma's engine would otherwise stay in this one's memory for good.
  await system.steps.step("tables are up to date", () =>
    runTool(process.execPath, [join(projectRoot(), "dist/prisma/migrate-main.js")], {
      signal: system.signal,
      env: { ...env, ...logins, DATABASE_URL: owner },
    }),
  );
  if (await canAllLogIn(both)) return { owner, ingestor, reader };
  system.steps.say(
    "  the database's owner may not make users of their own for the two processes: both run as the owner",
  );
  return { owner, ingestor: owner, reader: owner };
}

/**
 * Whether the database has been migrated by what this clone has, and whether this user may create the two processes' roles,
 * or set their passwords where they exist.
 */
async function lookAt(owner: string): Promise<{ isDone: boolean; mayMakeLogins: boolean }> {
  const client = new SteadyClient({ connectionString: owner });
  try {
    await client.connect();
    const { rows } = await client.query<{ may: boolean }>(`
      SELECT me.rolsuper OR me.rolcreaterole AND NOT EXISTS (
        SELECT FROM pg_roles other WHERE other.rolname IN ('orders_ingestor', 'orders_reader')
        AND NOT pg_has_role(other.oid, 'MEMBER WITH ADMIN OPTION')) AS may
      FROM pg_roles me WHERE me.rolname = current_user`);
    return { isDone: await isUpToDate(client), mayMakeLogins: rows[0]?.may === true };
  } catch (error) {
    throw new StartError(
      `the database of DATABASE_URL cannot be used: ${error instanceof Error ? error.message : error}`,
    );
  } finally {
    await client.end().catch(() => {});
  }
}

function withUser(owner: string, user: "orders_ingestor" | "orders_reader", passwords: Passwords): string {
  const url = new URL(owner);
  url.username = user;
  url.password = passwords[user];
  return url.href;
}

async function canAllLogIn(urls: readonly string[]): Promise<boolean> {
  return (await Promise.all(urls.map(canLogIn))).every(Boolean);
}

async function canLogIn(url: string): Promise<boolean> {
  const client = new SteadyClient({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
