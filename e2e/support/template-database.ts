import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { projectRoot } from "../../runtime/project-root";

/**
 * The migrated, empty database that every test's own is copied from. Nobody may be connected to it while it is copied,
 * which is why it is not the services' `orders`. Its name holds the migrations' hash: services that outlive a change
 * of the migrations give the next run a new template.
 *
 * @returns the template's name
 */
export async function makeTemplateDatabase(urls: { owner: string; ingestor: string; reader: string }): Promise<string> {
  const name = `orders_template_${migrationsHash()}`;
  const client = new pg.Client({ connectionString: withDatabase(urls.owner, "postgres") });
  await client.connect();
  try {
    // Two runs against the same services make it once.
    await client.query("SELECT pg_advisory_lock(hashtext($1))", [name]);
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) {
      const draft = `${name}_draft`;
      await client.query(`DROP DATABASE IF EXISTS ${draft}`);
      await client.query(`CREATE DATABASE ${draft}`);
      migrate(withDatabase(urls.owner, draft), urls);
      await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    }
    return name;
  } finally {
    await client.end();
  }
}

/** A URL of the same server and user with another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

function migrate(databaseUrl: string, urls: { ingestor: string; reader: string }): void {
  const { status, stderr } = spawnSync(process.execPath, [join(projectRoot(), "dist/prisma/migrate-main.js")], {
    encoding: "utf8",
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      INGESTOR_DATABASE_URL: urls.ingestor,
      READER_DATABASE_URL: urls.reader,
    },
  });
  if (status !== 0) throw new Error(`the migrations cannot be applied:\n${stderr}`);
}

function migrationsHash(): string {
  const folder = join(projectRoot(), "prisma/migrations");
  const hash = createHash("sha256").update(readFileSync(join(projectRoot(), "prisma/migrate.ts")));
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    if (path.endsWith(".sql")) hash.update(path).update(readFileSync(join(folder, path)));
  }
  return hash.digest("hex").slice(0, 12);
}
