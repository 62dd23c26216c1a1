import { readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { projectRoot } from "../runtime/project-root";
import { isUpToDate } from "./up-to-date";

let database: TestDatabase;
const connections: pg.Client[] = [];

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  connections.push(client);
  return client;
}

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await Promise.all(connections.map((client) => client.end()));
  await database?.drop();
});

describe("a migrated database", () => {
  it("explains every table, view and column of ours in its own comments", async () => {
    const owner = await connect(database.ownerUrl);
    const { rows } = await owner.query(`
      SELECT c.relname, a.attname FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'v') AND c.relname <> '_prisma_migrations'
        AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)`);
    expect(rows).toEqual([]);
  });

  it("keeps the migrations' history as Prisma's own command would", async () => {
    const owner = await connect(database.ownerUrl);
    const { rows } = await owner.query(
      "SELECT migration_name, finished_at IS NOT NULL AS finished, length(checksum) AS checksum " +
        "FROM _prisma_migrations ORDER BY migration_name",
    );
    const names = readdirSync(join(projectRoot(), "prisma/migrations")).filter((name) => /^\d/.test(name));
    expect(names).not.toEqual([]);
    expect(rows).toEqual(names.map((name) => ({ migration_name: name, finished: true, checksum: 64 })));
  });

  // Fails when a migration leaves no mark, or the mark is not compared.
  it("tells that it is up to date until the next migration is due", async () => {
    const owner = await connect(database.ownerUrl);
    expect(await isUpToDate(owner)).toBe(true);
    await owner.query("BEGIN; COMMENT ON TABLE _prisma_migrations IS 'Orders: migrated by what came before'");
    expect(await isUpToDate(owner)).toBe(false);
    await owner.query("ROLLBACK; BEGIN; ALTER TABLE _prisma_migrations RENAME TO no_history");
    expect(await isUpToDate(owner)).toBe(false);
    await owner.query("ROLLBACK");
  });

  it("lets the reader read, and write nothing", async () => {
    const reader = await connect(database.readerUrl);
    for (const table of ["orders", "positions", "epochs"]) await reader.query(`SELECT FROM ${table}`);
    for (const statement of [
      "INSERT INTO orders VALUES ('a', '{}', '\\x', 1, 0, 0)",
      "UPDATE positions SET next_offset = 0",
      "DELETE FROM orders",
      "TRUNCATE orders",
      "SELECT FROM outbox",
      "CREATE TABLE mine ()",
      "SELECT FROM bullmq.job",
    ]) {
      await expect(reader.query(statement)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("lets the ingestor add orders, and never change or delete one", async () => {
    const ingestor = await connect(database.ingestorUrl);
    for (const statement of [
      "UPDATE orders SET document = ''",
      "DELETE FROM orders",
      "DELETE FROM outbox",
      "DELETE FROM positions",
      "CREATE TABLE mine ()",
    ]) {
      await expect(ingestor.query(statement)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("lets the ingestor ask the ledger of the replays, and never write it", async () => {
    const ingestor = await connect(database.ingestorUrl);
    await ingestor.query("SELECT FROM replays");
    for (const statement of [
      "UPDATE replays SET state = 'gone'",
      "DELETE FROM replays",
      "DELETE FROM replay_runs",
      "SELECT FROM replay_runs",
    ]) {
      await expect(ingestor.query(statement)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("refuses counters by which a record would have ended twice or never", async () => {
    const owner = await connect(database.ownerUrl);
    await owner.query("INSERT INTO epochs (topic) VALUES ('orders')");
    await expect(
      owner.query("INSERT INTO positions (epoch, partition, next_offset, received, stored) VALUES (1, 0, 2, 2, 1)"),
    ).rejects.toMatchObject({ code: "23514" });
  });
});
