import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { projectRoot } from "../../runtime/project-root";
import { generateOrder } from "../publish/generate-order";
import { undoWhenStopped } from "../take-back";

/** A database of the bench's own, filled as the ingestor would have, and removed at the end. */
export interface BenchDatabase {
  readonly url: string;
  /** Adds generated orders until there are so many; gives the bytes of all their documents. */
  fillTo(orders: number): Promise<number>;
  /** As it was before anything was stored. */
  empty(): Promise<void>;
  drop(): Promise<void>;
}

/** An autovacuum that is at work there is nobody's to end, except PostgreSQL's own, which does it where it is not forced. */
const INSUFFICIENT_PRIVILEGE = "42501";

/** The same orders in every run. */
export const SEED = 1;

/** What the orders that are filled in belong to. */
const FIRST_POSITION = `
  INSERT INTO "epochs" ("id", "topic") OVERRIDING SYSTEM VALUE VALUES (1, 'orders');
  INSERT INTO "positions" ("epoch", "partition", "next_offset") VALUES (1, 0, 0);
  SELECT setval(pg_get_serial_sequence('epochs', 'id'), 1);`;

/** A row a chunk would cost more than making the row. */
const CHUNK_CHARACTERS = 100_000;

const run = promisify(execFile);
let made = 0;

/** @param ownerUrl a user that may make databases */
export async function createBenchDatabase(ownerUrl: string): Promise<BenchDatabase> {
  const name = `orders_bench_${process.pid}_${++made}`;
  const asOwner = (sql: string): Promise<void> =>
    withClient(ownerUrl, async (client) => void (await client.query(sql)));
  const created = asOwner(`CREATE DATABASE ${name}`);
  const url = new URL(ownerUrl);
  url.pathname = `/${name}`;
  const drop = async (): Promise<void> => {
    await created.catch(() => {});
    await asOwner(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(async (error: { code?: string }) => {
      if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
      await asOwner(`DROP DATABASE IF EXISTS ${name}`);
    });
    dropped();
  };
  const dropped = undoWhenStopped(`database ${name}`, drop);
  try {
    await created;
    // In a process of its own: Prisma's engine migrates once in a process.
    await run(process.execPath, [join(projectRoot(), "dist/prisma/migrate-main.js")], {
      env: { PATH: process.env["PATH"], DATABASE_URL: url.href },
    });
    await withClient(url.href, async (client) => {
      await client.query(FIRST_POSITION);
    });
  } catch (error) {
    await drop();
    throw error;
  }
  let filled = 0;
  let bytes = 0;
  const rows = function* (to: number): Generator<string> {
    let chunk = "";
    for (; filled < to; filled++) {
      const { id, bytes: document } = generateOrder(SEED, filled);
      bytes += document.length;
      const sha256 = createHash("sha256").update(document).digest("hex");
      // COPY's text form takes a backslash for the beginning of an escape.
      const text = document.toString().replaceAll("\\", "\\\\");
      chunk += `${id}\t${text}\t\\\\x${sha256}\t1\t0\t${filled}\n`;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      chunk = "";
    }
    if (chunk) yield chunk;
  };
  return {
    url: url.href,
    fillTo: (orders) =>
      withClient(url.href, async (client) => {
        const copy = copyFrom(`COPY "orders" ("id", "document", "sha256", "epoch", "partition", "offset") FROM STDIN`);
        await pipeline(Readable.from(rows(orders)), client.query(copy));
        await client.query(
          `UPDATE "positions" SET "next_offset" = $1, "received" = $1, "stored" = $1 WHERE "epoch" = 1`,
          [orders],
        );
        await client.query(`VACUUM ANALYZE "orders"`);
        return bytes;
      }),
    empty: () =>
      withClient(url.href, async (client) => {
        await client.query(
          `TRUNCATE "epochs", "positions", "orders", "outbox", "outbox_undelivered", "outbox_delivered" CASCADE;${FIRST_POSITION}`,
        );
        [filled, bytes] = [0, 0];
      }),
    drop,
  };
}

async function withClient<T>(connectionString: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, application_name: "orders-bench" });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
