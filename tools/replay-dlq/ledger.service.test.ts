import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../e2e/support/test-database";
import { untilBlocked } from "../../e2e/support/until-blocked";
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
  const replay = { id, replay: 1, firstFailedAt: new Date(), orderId: id, mended: null, edit: null };
  return { ...replay, digest: Buffer.alloc(32), partition: 0, searchFrom: 0n };
}

/**
 * Has the ledger mark two letters as sent while somebody locks them the other way round.
 *
 * @returns whether it was the ledger that the server let go: of the two it is the one that notices, after a second of
 *   waiting; so the ledger, unless this process stood still before the other one began to wait
 */
async function markInDeadlock(first: NewReplay, second: NewReplay, offset: bigint): Promise<boolean> {
  const lock = ({ id }: NewReplay) => other.query("SELECT FROM replays WHERE dlq_id = $1 FOR UPDATE", [id]);
  await other.query("BEGIN");
  await lock(second);
  const marked = ledger.markSent([
    { ...first, offset },
    { ...second, offset: offset + 1n },
  ]);
  await untilBlocked(other);
  const isLedger = await lock(first).then(
    () => true,
    () => false,
  );
  await other.query(isLedger ? "COMMIT" : "ROLLBACK");
  await marked;
  return isLedger;
}

// Fails when a deadlock's victim gives up: of two operators at once one ended in the middle of ten thousand letters.
test("an operator whose statement falls victim to a deadlock with another's writes it again", async () => {
  const { rows } = await other.query<{ id: number }>("INSERT INTO epochs (topic) VALUES ('orders') RETURNING id");
  let sent = 0;
  for (let isVictim = false; !isVictim; sent += 2) {
    const first = letterNamed(`letter-${sent}`);
    const second = letterNamed(`letter-${sent + 1}`);
    await ledger.claim(rows[0]?.id ?? 0, [first, second]);
    isVictim = await markInDeadlock(first, second, BigInt(sent));
  }
  expect(await ledger.countStates()).toEqual({ sent });
});
