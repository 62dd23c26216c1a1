import { readdirSync, readFileSync } from "node:fs";
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
      "UPDATE outbox SET reason = 'crash'",
      "DELETE FROM outbox",
      "DELETE FROM outbox_delivered",
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

/** A database as the migrations before this one left it, with these rows, after this one. */
async function migratedWith<T>(migration: string, rows: string, use: (owner: pg.Client) => Promise<T>): Promise<T> {
  const name = `migrated_${process.pid}`;
  const owner = await connect(database.ownerUrl);
  await owner.query(`DROP DATABASE IF EXISTS ${name}`);
  await owner.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(database.ownerUrl);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    const folder = join(projectRoot(), "prisma/migrations");
    const names = readdirSync(folder).filter((each) => /^\d/.test(each) && each <= migration);
    for (const each of names.sort()) {
      if (each === migration) await client.query(rows);
      await client.query(readFileSync(join(folder, each, "migration.sql"), "utf8"));
    }
    return await use(client);
  } finally {
    await client.end();
    await owner.query(`DROP DATABASE ${name}`);
  }
}

// G5. Fails when the rows of before are left behind, or a lease of before is forgotten: its worker may be sending.
it("leaves dead letters that wait, are leased, refused or delivered what they were when their table was parted", async () => {
  const letter = (offset: number, state: string) => `
    INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, headers, "timestamp", attempts,
      leased_until, refusal, delivered_at) VALUES (1, 0, ${offset}, ${offset}, 't', 'schema', '/', '\\x00', 5, ${state});`;
  const before = [
    letter(1, "0, NULL, NULL, NULL"),
    letter(2, "1, '2027-01-02T03:04:05Z', NULL, NULL"),
    letter(3, "2, '2026-01-02T03:04:05Z', 'MESSAGE_TOO_LARGE', NULL"),
    letter(4, "3, '2026-01-02T03:04:05Z', NULL, '2026-01-02T03:04:06Z'"),
  ].join("");
  await migratedWith("20261126000000_letters_on_their_way", before, async (client) => {
    const ask = async (sql: string) => (await client.query({ text: sql, rowMode: "array" })).rows;
    const leased = new Date("2027-01-02T03:04:05Z");
    const ended = new Date("2026-01-02T03:04:05Z");
    expect(
      await ask(
        `SELECT "offset", w.attempts, leased_until, refusal FROM outbox_undelivered w JOIN outbox USING (id) ORDER BY 1`,
      ),
    ).toEqual([
      ["1", 0, null, null],
      ["2", 1, leased, null],
      ["3", 2, ended, "MESSAGE_TOO_LARGE"],
    ]);
    expect(
      await ask(`SELECT "offset", d.attempts, delivered_at FROM outbox_delivered d JOIN outbox USING (id)`),
    ).toEqual([["4", 3, new Date("2026-01-02T03:04:06Z")]]);
  });
});

// G5. Fails without the trigger outbox_to_be_delivered.
it("takes every new row of the outbox for one to be delivered, whoever made it", async () => {
  const ingestor = await connect(database.ingestorUrl);
  await ingestor.query(`
    INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, headers, "timestamp")
    SELECT 1, 0, n, n, 't', 'schema', '/', '\\x00', 5 FROM generate_series(1, 3) n`);
  const { rows } = await ingestor.query(`SELECT attempts, leased_until FROM outbox_undelivered JOIN outbox USING (id)`);
  expect(rows).toEqual(Array(3).fill({ attempts: 0, leased_until: null }));
});
