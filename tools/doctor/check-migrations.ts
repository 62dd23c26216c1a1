import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connection } from "../../prisma/open-connection";
import { projectRoot } from "../../runtime/project-root";
import { type Finding, orWell, unwell } from "./finding";

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

const MIGRATE = "npm run migrate, with the owner's DATABASE_URL";

/** Compares the migrations that the database has with those of this clone. */
export async function checkMigrations(connection: Connection): Promise<readonly Finding[]> {
  const folder = join(projectRoot(), "prisma/migrations");
  const wanted = readdirSync(folder).filter((name) => /^\d/.test(name));
  const [history] = await connection.ask("SELECT FROM pg_tables WHERE tablename = '_prisma_migrations'");
  if (!history) return [unwell("migrations", "the database has no tables of this project", MIGRATE)];
  const applied = await connection.ask<AppliedMigration>(`
    SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
    FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`);
  const queues = await connection.ask("SELECT FROM pg_namespace WHERE nspname = 'bullmq'");
  const wrong = [
    ...wanted.filter((name) => !applied.some((each) => each.name === name)).map(missing),
    ...applied.flatMap((each) => judgeApplied(each, wanted, folder)),
    ...(queues.length === 0 ? [unwell("migrations", "BullMQ's schema is missing", MIGRATE)] : []),
  ];
  return orWell(wrong, "migrations", `all ${wanted.length} are applied`);
}

function missing(name: string): Finding {
  return unwell("migrations", `${name} is not applied`, MIGRATE);
}

function judgeApplied(
  { name, checksum, finished }: AppliedMigration,
  wanted: readonly string[],
  folder: string,
): Finding[] {
  if (!finished) {
    const mend = `mend what it stumbled over, delete its row from _prisma_migrations, then ${MIGRATE}`;
    return [unwell("migrations", `${name} was begun and has failed`, mend)];
  }
  if (!wanted.includes(name)) {
    const mend = "run the version that the database was migrated with, or a later one";
    return [unwell("migrations", `${name} is applied and unknown here: the database is newer than this clone`, mend)];
  }
  const script = readFileSync(join(folder, name, "migration.sql"));
  if (createHash("sha256").update(script).digest("hex") === checksum) return [];
  const mend = `git checkout the released prisma/migrations/${name}; what it should have said belongs into a new one`;
  return [unwell("migrations", `${name} is not what was applied: its file was changed since`, mend)];
}
