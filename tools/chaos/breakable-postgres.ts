import type pg from "pg";
import { SteadyClient } from "../../prisma/steady-client";
import { type DatabaseUrls, migrateDatabase } from "../start/database";
import { keepPasswords } from "../start/passwords";
import { startPostgres } from "../start/postgres";
import type { Service } from "../start/supervise";
import { type BreakablePart, breakablePart } from "./breakable-part";

/** A migrated PostgreSQL server of a test's or a bench's own. */
export interface BreakablePostgres extends BreakablePart<DatabaseUrls> {
  readonly urls: DatabaseUrls;
  /** Runs SQL in the database `orders` as the superuser, whatever is refused to others. */
  asSuperuser(...statements: readonly string[]): Promise<Record<string, unknown>[]>;
  superuser(): Promise<pg.Client>;
}

/**
 * Takes about four seconds.
 *
 * @param disk a folder that is, for this server alone, a disk of 32 MiB; see `insideOf`
 */
export async function startBreakablePostgres({ disk }: { disk?: string } = {}): Promise<BreakablePostgres> {
  let made: DatabaseUrls | undefined;
  const part = breakablePart(
    async (system) => {
      const passwords = keepPasswords(system.home);
      const owner = await startPostgres(system, passwords);
      made ??= await migrateDatabase(system, owner, passwords);
      return made;
    },
    (service) => (disk === undefined ? service : withDisk(disk, service)),
  );
  const urls = await part.start().catch(async (error: unknown) => {
    await part.drop();
    throw error;
  });
  const superuserUrl = new URL(urls.owner);
  superuserUrl.username = "postgres";
  superuserUrl.password = keepPasswords(part.home).postgres;

  const superuser = async (): Promise<pg.Client> => {
    const client = new SteadyClient({ connectionString: superuserUrl.href });
    await client.connect();
    return client;
  };
  return {
    ...part,
    urls,
    superuser,
    asSuperuser: async (...statements) => {
      const client = await superuser();
      try {
        let rows: Record<string, unknown>[] = [];
        for (const statement of statements) rows = (await client.query(statement)).rows;
        return rows;
      } finally {
        await client.end();
      }
    },
  };
}

/** A mount namespace of its own, so that nobody has to be root for it, and nothing stays mounted after it. */
function withDisk(folder: string, service: Service): Service {
  const mount = 'mount -t tmpfs -o size=32m,mode=777 none "$0" && exec "$@"';
  const args = ["--user", "--map-root-user", "--mount", "sh", "-c", mount, folder, service.command, ...service.args];
  return { ...service, command: "unshare", args };
}

/** The path at which other processes of the same user see a file of a server's own disk. */
export function insideOf(postgres: Pick<BreakablePostgres, "pid">, path: string): string {
  return `/proc/${postgres.pid()}/root${path}`;
}
