import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import { runMigrations as runBullmqMigrations } from "bullmq";
import pg from "pg";
import { projectRoot } from "../runtime/project-root";
import { tierUpLate } from "./late-tiering";
import { SteadyClient } from "./steady-client";
import { markUpToDate } from "./up-to-date";

export interface MigrateOptions {
  /** The owner of the database: may create tables and, best, roles. */
  readonly databaseUrl: string;
  /** The processes' own users; the passwords in these URLs become theirs. */
  readonly ingestorUrl?: string | undefined;
  readonly readerUrl?: string | undefined;
}

export interface MigrateResult {
  /** Names of the migrations that were not applied before. */
  readonly applied: readonly string[];
  /** Roles that exist and may log in with the passwords given. */
  readonly logins: readonly string[];
}

/** The part of the WebAssembly API that is used here; Node has it, its types for Node 20 do not. */
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** Serialises whole migrations across processes; any fixed number does, this one spells "ordr". */
const MIGRATION_LOCK = 0x6f726472;

/**
 * Brings a database up to date: Prisma's migrations by Prisma's own engine (so that `prisma migrate` can go on with the
 * same `_prisma_migrations`), BullMQ's schema by BullMQ, then the logins of the two processes. May be run at any time,
 * by several at once.
 *
 * @throws the server's error, with the failed migration named, if one cannot be applied; nothing of it remains then
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const client = new SteadyClient({ connectionString: options.databaseUrl, application_name: "orders-migrate" });
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const applied = await applyPrismaMigrations(options.databaseUrl);
    await runBullmqMigrations(client);
    const logins: string[] = [];
    for (const [role, url] of [
      ["orders_ingestor", options.ingestorUrl],
      ["orders_reader", options.readerUrl],
    ] as const) {
      if (await roleExists(client, role)) {
        if (role === "orders_ingestor") await grantBullmq(client, role);
        if (url && (await giveLogin(client, role, url))) logins.push(role);
      }
    }
    await markUpToDate(client);
    return { applied, logins };
  } finally {
    await client.end();
  }
}

async function applyPrismaMigrations(databaseUrl: string): Promise<readonly string[]> {
  const { SchemaEngine } = await loadSchemaEngine();
  const schema = readFileSync(join(projectRoot(), "prisma/schema.prisma"), "utf8");
  const driver = new WholeScriptPrismaPg({ connectionString: databaseUrl });
  const adapterFactory = bindMigrationAwareSqlAdapterFactory(driver);
  const engine = await SchemaEngine.new({ datamodels: [["schema.prisma", schema]] }, () => {}, adapterFactory);
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: readMigrations(join(projectRoot(), "prisma/migrations")),
      filters: { externalTables: [], externalEnums: [] },
    });
    return appliedMigrationNames;
  } finally {
    engine.free();
    // The engine leaves its connections open.
    await driver.disconnect();
  }
}

/** Hands a migration to the server whole: the adapter itself splits it at every semicolon, also inside `$$ … $$`. */
class WholeScriptPrismaPg implements SqlMigrationAwareDriverAdapterFactory {
  readonly #inner: PrismaPg;
  readonly #adapters: Awaited<ReturnType<PrismaPg["connect"]>>[] = [];
  readonly provider = "postgres";
  readonly adapterName: string;

  constructor(config: pg.PoolConfig) {
    this.#inner = new PrismaPg(config);
    this.adapterName = this.#inner.adapterName;
  }

  async connect(): ReturnType<PrismaPg["connect"]> {
    const adapter = await this.#inner.connect();
    this.#adapters.push(adapter);
    adapter.executeScript = async (script) => {
      await adapter.underlyingDriver().query(script);
    };
    return adapter;
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#adapters.map((adapter) => adapter.dispose()));
  }

  connectToShadowDb(): ReturnType<PrismaPg["connectToShadowDb"]> {
    return this.#inner.connectToShadowDb();
  }
}

/** The engine's WebAssembly, instantiated by hand: its package expects a bundler to import the .wasm file. */
async function loadSchemaEngine(): Promise<typeof import("@prisma/schema-engine-wasm")> {
  tierUpLate();
  const bindings = await import("@prisma/schema-engine-wasm/schema_engine_bg");
  const file = require.resolve("@prisma/schema-engine-wasm/schema_engine_bg").replace(/\.js$/, ".wasm");
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { "./schema_engine_bg.js": bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
  return bindings;
}

function readMigrations(baseDir: string) {
  const names = readdirSync(baseDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir,
    lockfile: { path: "migration_lock.toml", content: readFileSync(join(baseDir, "migration_lock.toml"), "utf8") },
    shadowDbInitScript: "",
    migrationDirectories: names.map((name) => ({
      path: name,
      migrationFile: {
        path: "migration.sql",
        content: { tag: "ok" as const, value: readFileSync(join(baseDir, name, "migration.sql"), "utf8") },
      },
    })),
  };
}

async function roleExists(client: pg.Client, role: string): Promise<boolean> {
  const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  return rowCount === 1;
}

/**
 * BullMQ's tables and functions are used by the ingestor and owned, like all others, by the owner. CREATE, because
 * BullMQ makes a sequence for a queue when its first job is added.
 */
async function grantBullmq(client: pg.Client, role: string): Promise<void> {
  await client.query(`
    GRANT USAGE, CREATE ON SCHEMA bullmq TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bullmq TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bullmq TO ${role};`);
  // The sequences that the ingestor made are its own already, and the owner may not grant them.
  const { rows } = await client.query<{ sequence: string }>(`
    SELECT oid::regclass::text AS sequence FROM pg_class
    WHERE relnamespace = 'bullmq'::regnamespace AND relkind = 'S' AND pg_has_role(relowner, 'USAGE')`);
  for (const { sequence } of rows) await client.query(`GRANT USAGE, SELECT ON SEQUENCE ${sequence} TO ${role}`);
}

/** Lets a role log in with the password of its URL. False if the URL names another user, who is left alone. */
async function giveLogin(client: pg.Client, role: string, url: string): Promise<boolean> {
  const { username, password } = new URL(url);
  if (decodeURIComponent(username) !== role) return false;
  await client.query(`ALTER ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(decodeURIComponent(password))}`);
  return true;
}
