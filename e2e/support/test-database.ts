import { randomBytes } from "node:crypto";
import pg from "pg";
import { withDatabase } from "./template-database";
import { testAddress } from "./test-address";
import { waitUntil } from "./wait-until";

/** A database of a test's own: migrated, empty, with the three users. */
export interface TestDatabase {
  readonly ownerUrl: string;
  readonly ingestorUrl: string;
  readonly readerUrl: string;
  /** Removes it, with whatever is still connected. */
  drop(): Promise<void>;
}

/**
 * Takes a tenth of a second: a copy.
 *
 * @param original the name of a database to which nobody is connected; by itself the empty template
 */
export async function createTestDatabase(original = testAddress("TEST_TEMPLATE_DATABASE")): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const owner = testAddress("TEST_DATABASE_URL");
  const asOwner = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: withDatabase(owner, "postgres") });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  // Somebody who has just left the original may still be there for a moment.
  await waitUntil(`${name} is made`, async () => {
    await asOwner(`CREATE DATABASE ${name} TEMPLATE ${original}`);
    return true;
  });
  return {
    ownerUrl: withDatabase(owner, name),
    ingestorUrl: withDatabase(testAddress("TEST_INGESTOR_DATABASE_URL"), name),
    readerUrl: withDatabase(testAddress("TEST_READER_DATABASE_URL"), name),
    // The owner may not end an autovacuum that happens to be at work there, which makes it a matter of a moment.
    drop: async () => {
      await waitUntil(`${name} is dropped`, async () => {
        await asOwner(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        return true;
      });
    },
  };
}
