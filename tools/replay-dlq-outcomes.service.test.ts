import type { KafkaMessage } from "kafkajs";
import { orderWithId } from "../e2e/support/judged-records";
import { deleteRecordsBefore, readTopic } from "../e2e/support/kafka-records";
import { waitUntil } from "../e2e/support/wait-until";
import { asKafkajsHeaders, headersOf } from "../runtime/kafka/headers";
import { ask, createTestSystem, startTool, type TestSystem } from "./audit/test-support";
import { brokenOrder, MEND, replay } from "./replay-dlq/test-support";

// What becomes of dead letters that are brought back, beside that they are stored or fail again.

let system: TestSystem;

beforeEach(async () => {
  system = await createTestSystem({ partitions: 2 });
});
afterEach(() => system.drop());

const sql = (query: string) => ask(system.database.ownerUrl, query);
const count = async (what: string): Promise<number> =>
  Number((await sql(`SELECT count(*) FROM ${what}`))[0]?.["count"]);
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

// Fails when the walk goes on to where the topic ends by then: what fails again is a letter once more, without an end.
it("letters that arrive while it sends are none of its business, and it comes to its end", async () => {
  await system.ingest();
  const orders = ["a", "b", "c", "d", "e"].map((id) => ({ key: id, value: brokenOrder(id), partition: 0 }));
  await system.publish(orders, orders.length);
  const args = ["--json", "--go", "--force", "--rate", "5"];
  const { child, ended } = startTool("replay-dlq", args, system.env);
  await waitUntil("one is sent", async () => (await count('replays WHERE "offset" IS NOT NULL')) > 0);
  // It waits for the first of the new letters.
  child.kill("SIGSTOP");
  await waitUntil(
    "its letter",
    async () => (await count("outbox JOIN outbox_delivered USING (id) WHERE replays = 1")) > 0,
  )
    // Stopped, it would outlive a test that fails here.
    .finally(() => child.kill("SIGCONT"));
  const { code, stdout } = await ended;
  const failed = { ...ofNone, matched: orders.length, sent: orders.length, failedAgain: orders.length };
  expect([code, JSON.parse(stdout)]).toEqual([1, failed]);
});

// Fails when a key, a value or a header goes through a text, or a header without a value is left out.
it("what is sent as it is has the original's bytes: of its key, its value and its headers", async () => {
  await system.ingest();
  const headers = [
    { key: Buffer.from("trace"), value: Buffer.from([1, 0, 255]) },
    { key: Buffer.from("none"), value: null },
    { key: Buffer.from("trace"), value: Buffer.alloc(0) },
  ];
  const [key, value] = [Buffer.from([0, 255, 128]), Buffer.from([0xfe, 0, 0xc3, 0x28, 0xff])];
  await system.publish([{ key, value, headers: asKafkajsHeaders(headers), partition: 1 }], 1);
  const { result } = await replay(system, "--go", "--force");
  expect(result).toEqual({ ...ofNone, matched: 1, sent: 1, failedAgain: 1 });
  const [, sent] = await readTopic(system.orders.brokers, system.orders.name, 2);
  const name = { "x-dlq-id": `${system.orders.name}:1:1:0`, "x-dlq-replays": "1" };
  const named = Object.entries(name).map(([key, text]) => ({ key: Buffer.from(key), value: Buffer.from(text) }));
  expect([sent?.key, sent?.value, headersOf(sent as KafkaMessage)]).toEqual([key, value, [...headers, ...named]]);
});
