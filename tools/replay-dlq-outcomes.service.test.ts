import { orderWithId } from "../e2e/support/judged-records";
import { deleteRecordsBefore } from "../e2e/support/kafka-records";
import { ask, createTestSystem, type TestSystem } from "./audit/test-support";
import { brokenOrder, MEND, replay } from "./replay-dlq/test-support";

// What becomes of dead letters that are brought back, beside that they are stored or fail again.

let system: TestSystem;

beforeEach(async () => {
  system = await createTestSystem({ partitions: 2 });
});
afterEach(() => system.drop());

const sql = (query: string) => ask(system.database.ownerUrl, query);
const ofNone = { whole: true, dryRun: false, sent: 0, stored: 0, failedAgain: 0, duplicate: 0, skipped: {} };

/** Fails when `tellOutcomes` (ledger.ts) does not look for the order by its id, or has what Kafka has lost for stored. */
it("what was stored meanwhile is told as a duplicate; what Kafka has lost is told, and can be sent once more", async () => {
  const ingestor = await system.ingest();
  await system.publish([{ key: "a", value: brokenOrder("a"), partition: 0 }], 1);
  await system.publish([{ key: "a", value: orderWithId("a"), partition: 0 }], 2);
  await system.publish([{ key: "b", value: brokenOrder("b"), partition: 1 }], 3);
  await ingestor.stop();
  expect(await replay(system, "--go", "--no-wait", ...MEND)).toMatchObject({
    ...{ code: 0, result: { ...ofNone, matched: 2, sent: 2 } },
  });
  await deleteRecordsBefore(system.orders.brokers, system.orders.name, 2, 1);
  await system.ingest();
  const told = await replay(system, "--go", ...MEND);
  expect([told.code, told.result]).toEqual([1, { ...ofNone, matched: 2, sent: 2, duplicate: 1 }]);
  expect(told.stderr).toContain(`failed again: ${system.orders.name}:1:1:0: Kafka has lost it`);
  const again = await replay(system, "--go", ...MEND);
  const stored = { ...ofNone, matched: 2, sent: 1, stored: 1, skipped: { "replayed-before": 1 } };
  expect([again.code, again.result]).toEqual([0, stored]);
  expect(await sql("SELECT id FROM orders ORDER BY id")).toEqual([{ id: "a" }, { id: "b" }]);
});
