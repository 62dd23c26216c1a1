import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../e2e/support/test-database";
import { waitUntil } from "../../e2e/support/wait-until";
import { Ledger, type NewReplay } from "./ledger";

let database: TestDatabase;
let ledger: Ledger;
let other: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  ledger = new Ledger(database.ownerUrl);
  other = new pg.Client({ connectionString: database.ownerUrl });
  await Promise.all([ledger.open(false), other.connect()]);
});
afterAll(async () => {
  await Promise.all([ledger.close(), other.end()]);
  await database.drop();
});

function letterNamed(id: string): NewReplay {
  const replay = { id, replay: 1, firstFailedAt: new Date(), orderId: id, mended: null };
  return { ...replay, digest: Buffer.alloc(32), partition: 0, searchFrom: 0n };
}

// Fails when a deadlock's victim gives up: of two operators at once one ended in the middle of ten thousand letters.
test("an operator whose statement falls victim to a deadlock with another's writes it again", async () => {
  const { rows } = await other.query<{ id: number }>("INSERT INTO epochs (topic) VALUES ('orders') RETURNING id");
  await ledger.claim(rows[0]?.id ?? 0, ["a", "b"].map(letterNamed));
  const lock = (id: string) => other.query("SELECT FROM replays WHERE dlq_id = $1 FOR UPDATE", [id]);
  await other.query("BEGIN");
  await lock("b");
  const marked = ledger.markSent(["a", "b"].map((id, offset) => ({ id, replay: 1, offset: BigInt(offset) })));
  await waitUntil("the ledger waits for the lock", async () => {
    const waiting = await other.query(
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    );
    return waiting.rowCount === 1;
  });
  // The ledger has waited for longer, so it is the one that the server lets go.
  await lock("a");
  await other.query("COMMIT");
  await marked;
  expect(await ledger.countStates()).toEqual({ sent: 2 });
});
