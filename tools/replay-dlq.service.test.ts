import type { KafkaMessage, Message } from "kafkajs";
import { orderWithId } from "../e2e/support/judged-records";
import { produce, readTopic } from "../e2e/support/kafka-records";
import { waitUntil } from "../e2e/support/wait-until";
import { terminateConnections } from "../e2e/support/write-orders";
import { type DeadLetterInfo, readDeadLetterHeaders, withoutDeadLetterHeaders } from "../ingestor/dead-letter";
import { openConnection } from "../prisma/open-connection";
import { asKafkajsHeaders, headersOf } from "../runtime/kafka/headers";
import { ask, audit, createTestSystem, runTool, startTool, type TestSystem, undeliver } from "./audit/test-support";
import { RUN_LOCK } from "./replay-dlq/ledger";
import type { ReplayResult } from "./replay-dlq/report";
import { brokenOrder, MEND, replay as runReplay } from "./replay-dlq/test-support";

let system: TestSystem;

beforeEach(async () => {
  system = await createTestSystem();
});
afterEach(() => system.drop());

const header = (key: string, value: string) => ({ key: Buffer.from(key), value: Buffer.from(value) });
const ids = (count: number, prefix = "o"): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const brokenOrders = (count: number): Message[] => ids(count).map((id, n) => ({ ...record(id), partition: n % 3 }));
const record = (id: string): Message => ({ key: id, value: brokenOrder(id) });

/** What it says of the whole run stands apart from what it counts. */
async function replay(...args: string[]) {
  const { result: told, ...others } = await runReplay(system, ...args);
  const { dryRun, whole, ...result } = told;
  return { ...others, dryRun, whole, result };
}

const nothing = { sent: 0, stored: 0, failedAgain: 0, duplicate: 0, skipped: {} };
const sql = (query: string) => ask(system.database.ownerUrl, query);
const count = async (what: string): Promise<number> =>
  Number((await sql(`SELECT count(*) FROM ${what}`))[0]?.["count"]);

/** What is in the topic that names a dead letter, with the names. */
async function readReplayed(total: number): Promise<{ id: string; replays: string; message: KafkaMessage }[]> {
  const messages = await readTopic(system.orders.brokers, system.orders.name, total);
  return messages.flatMap((message) => {
    const texts = new Map(headersOf(message).map(({ key, value }) => [String(key), String(value)]));
    const id = texts.get("x-dlq-id");
    return id === undefined ? [] : [{ id, replays: texts.get("x-dlq-replays") ?? "", message }];
  });
}

async function readLetters(total: number): Promise<(DeadLetterInfo | undefined)[]> {
  const messages = await readTopic(system.letters.brokers, system.letters.name, total);
  return messages.map((message) => readDeadLetterHeaders(headersOf(message)));
}

it("mended dead letters become orders: looked at in a dry run, which changes nothing, then sent once", async () => {
  await system.ingest();
  const own = [header("trace", "1"), { key: Buffer.from("b"), value: null }, header("trace", "2")];
  await system.publish([{ key: "k", value: brokenOrder("a"), headers: asKafkajsHeaders(own), partition: 1 }], 1);
  await system.publish([{ key: "b", value: brokenOrder("b"), partition: 1 }], 2);

  expect(await replay("--go")).toMatchObject({
    ...{ code: 0, dryRun: false, result: { ...nothing, matched: 2, skipped: { "would-fail-again": 2 } } },
  });
  const dry = await replay(...MEND);
  expect(dry).toMatchObject({ code: 0, dryRun: true, result: { ...nothing, matched: 2 } });
  expect(dry.stderr).toMatch(
    new RegExp(`2 +schema +/payment/amount +would be sent +${system.orders.name}:1:1:0 \\(0\\)`),
  );
  expect(dry.stderr).not.toMatch(/Test|1817/);
  expect([await count("replays"), (await sql("SELECT received FROM positions WHERE partition = 1"))[0]]).toEqual([
    ...[0, { received: "2" }],
  ]);

  const stored = { ...nothing, matched: 2, sent: 2, stored: 2 };
  expect(await replay("--go", ...MEND)).toMatchObject({ code: 0, result: stored });
  const [first, ...others] = await readReplayed(4);
  expect([first?.id, first?.replays, others.length]).toEqual([`${system.orders.name}:1:1:0`, "1", 1]);
  expect([String(first?.message.key), first?.message.value]).toEqual(["k", orderWithId("a")]);
  expect(withoutDeadLetterHeaders(headersOf(first?.message as KafkaMessage))).toEqual(own);
  expect(await sql("SELECT document FROM orders WHERE id = 'a'")).toEqual([{ document: String(orderWithId("a")) }]);

  expect((await replay("--go", ...MEND)).result).toEqual({ ...nothing, matched: 2, skipped: { "replayed-before": 2 } });
  const env = { DATABASE_URL: system.database.ownerUrl };
  const listed = await runTool("dlq", ["list"], env);
  expect(listed.stdout.match(/ delivered +stored +\/payment\/amount/g)).toHaveLength(2);
  const open = await runTool("dlq", ["list", "--open"], env);
  expect(open.stdout).toBe("no dead letter matches (2 in all)\n");
  const { letters, causes } = JSON.parse((await runTool("dlq", ["--json"], env)).stdout);
  expect([letters, causes[0].letters, causes[0].open]).toEqual([2, 2, 0]);
  expect(await audit(system.env)).toMatchObject({ ok: true, differences: [] });
});

// Fails when a record is booked at a place that an order of the topic's former life had: it would be told as stored.
it.each([
  ["ends before what was ingested of it", "UPDATE positions SET next_offset = next_offset + 1000"],
  ["has grown past that and has another id", "UPDATE epochs SET topic_id = reverse(topic_id)"],
])(
  "nothing is sent to a topic that was made anew as long as no ingestor has noticed: one that %s",
  async (_, asAfterIt) => {
    const ingestor = await system.ingest();
    await system.publish([record("a")], 1);
    await ingestor.stop();
    await sql(asAfterIt);
    const { code, stderr } = await runTool("replay-dlq", ["--go", ...MEND], system.env);
    expect(code).toBe(1);
    expect(stderr).toContain("it was made anew, and no ingestor has noticed yet. Start the ingestor");
    expect(await count("replays")).toBe(0);
  },
);

/** Fails when the ingestor names a replayed record by its own place, or believes what a producer has forged. */
it("a dead letter that fails again keeps its name and counts, until it was brought back too often", async () => {
  await system.ingest();
  await system.publish([{ ...record("a"), headers: asKafkajsHeaders([header("trace", "1")]), partition: 0 }], 1);
  const failed = { ...nothing, matched: 1, sent: 1, failedAgain: 1 };
  const once = await replay("--go", "--force");
  expect(once).toMatchObject({ code: 1, result: failed });
  expect(once.stderr).toMatch(/failed again: \S+:1:0:0: schema \/payment\/amount must be integer/);
  await waitUntil("its letter", async () => (await count("outbox_delivered")) === 2);
  const twice = await replay("--go", "--force", "--max-replays", "2");
  expect(twice.result).toEqual({ ...failed, matched: 2, skipped: { "replayed-before": 1 } });
  await waitUntil("its letter", async () => (await count("outbox_delivered")) === 3);
  const capped = await replay("--go", "--force", "--max-replays", "2");
  expect(capped.result.skipped).toEqual({ "replayed-before": 2, "too-many-replays": 1 });

  const forged = [header("x-dlq-id", `${system.orders.name}:1:0:0`), header("x-dlq-replays", "1")];
  const other = { key: "a", value: Buffer.from("other"), headers: asKafkajsHeaders(forged), partition: 0 };
  await system.publish([other], 4);
  const letters = await readLetters(4);
  const id = (offset: number) => `${system.orders.name}:1:0:${offset}`;
  expect(letters.map((letter) => [letter?.id, letter?.replays, letter?.offset])).toEqual([
    ...[0, 1, 2].map((number) => [id(0), number, BigInt(number)]),
    [id(3), 0, 3n],
  ]);
  expect(new Set(letters.slice(0, 3).map((letter) => letter?.firstFailedAt.getTime())).size).toBe(1);
  expect(await audit(system.env)).toMatchObject({ ok: true, differences: [] });

  const env = { DATABASE_URL: system.database.ownerUrl };
  const shown = JSON.parse((await runTool("dlq", ["show", id(0), "--json"], env)).stdout);
  expect([shown.id, shown.replays, shown.offset, shown.outcome]).toEqual([id(0), 2, 2, "open"]);
  const { letters: listed } = JSON.parse((await runTool("dlq", ["list", "--json"], env)).stdout);
  expect(listed.map((each: { replays: number }) => each.replays)).toEqual([0, 2, 1, 0]);
  const open = JSON.parse((await runTool("dlq", ["list", "--open", "--json"], env)).stdout);
  expect([open.all, open.matched]).toEqual([4, 2]);
  const { stdout: stats } = await runTool("dlq", ["stats"], env);
  expect(stats).toMatch(/^2 dead letters, 2 open: [\s\S]*\n2 were brought back: 2 failed again\n/);

  // As after a restore that took the ledger back: the records are dead-lettered anew, by their own places.
  await sql("DELETE FROM replays");
  await sql(
    `${undeliver("replays > 0")};
     UPDATE outbox SET dlq_id = NULL, replays = 0, first_failed_at = NULL, failed_at = now() WHERE replays > 0`,
  );
  await waitUntil("the letters under their new names", async () => (await readLetters(6)).length === 6);
  const anew = await audit(system.env);
  expect([anew.ok, anew.differences, anew.stderr]).toEqual([
    ...[true, [], expect.stringContaining("2 dead letters are of an earlier life of the database")],
  ]);
});

/** Fails when what --force and a bad --edit have sent leaves the original letter behind (G4: its bytes are nowhere else). */
it("a letter of which --edit has made no order by force is brought back once more, from its own bytes", async () => {
  await system.ingest();
  await system.publish([{ ...record("a"), partition: 0 }], 1);
  const once = await replay("--go", "--force", "--edit", "echo garbage");
  expect(once.result).toEqual({ ...nothing, matched: 1, sent: 1, failedAgain: 1 });
  await waitUntil("its letter", async () => (await count("outbox_delivered")) === 2);
  const capped = await replay("--max-replays", "1", ...MEND);
  expect(capped.result.skipped).toEqual({ "too-many-replays": 1, "made-in-vain": 1 });
  const again = await replay("--go", "--id", `${system.orders.name}:1:0:0`, ...MEND);
  expect(again.result).toEqual({ ...nothing, matched: 2, sent: 1, stored: 1, skipped: { "made-in-vain": 1 } });
  expect(await sql("SELECT document FROM orders WHERE id = 'a'")).toEqual([{ document: String(orderWithId("a")) }]);
  expect((await readReplayed(3)).map(({ replays }) => replays)).toEqual(["1", "2"]);
  const over = { "replayed-before": 1, "made-in-vain": 1 };
  expect((await replay("--go", ...MEND)).result).toEqual({ ...nothing, matched: 2, skipped: over });
  expect(await audit(system.env)).toMatchObject({ ok: true, differences: [] });
});

/** Fails when a letter is claimed by both, or when a claim is not committed before its letter is sent (G1). */
it("two operators at once send no letter twice", async () => {
  await system.ingest();
  await system.publish(brokenOrders(240), 240);
  const both = await Promise.all([replay("--go", ...MEND), replay("--go", ...MEND)]);
  for (const { result } of both) expect(result).toMatchObject({ matched: 240, stored: result.sent, failedAgain: 0 });
  expect(both.reduce((sum, { result }) => sum + result.stored, 0)).toBe(240);
  expect(await count("orders")).toBe(240);
  const replayed = await readReplayed(480);
  expect([replayed.length, new Set(replayed.map(({ id }) => id)).size]).toEqual([240, 240]);
});

/** Fails when an interrupted letter is sent again without a look into Kafka, or sent in another form (G1). */
it("goes on after kill -9: what was sent is found, what was not is sent with the bytes of the ledger", async () => {
  await system.ingest();
  await system.publish(brokenOrders(240), 240);
  for (const goal of [20, 60]) {
    const args = ["--go", "--rate", "20", "--dlq-offsets", "0-219", ...MEND];
    const { child, ended } = startTool("replay-dlq", args, system.env);
    await waitUntil(`${goal} sent`, async () => (await count('replays WHERE "offset" IS NOT NULL')) >= goal);
    child.kill("SIGKILL");
    await ended;
  }
  const cutOff = startTool("replay-dlq", ["--go", "--rate", "20", "--dlq-offsets", "0-219", ...MEND], system.env);
  await waitUntil("it is at work", async () => (await count("replays WHERE run = 3")) > 0);
  expect(await terminateConnections(system.database.ownerUrl, "orders-replay-dlq")).toBe(1);
  expect(await cutOff.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing is lost") });
  // As if it had died right behind a request of ten letters, and right before another one.
  await sql(`
    UPDATE replays SET state = 'sending', "offset" = NULL, search_from = 0
    WHERE dlq_id IN (SELECT dlq_id FROM replays WHERE "offset" IS NOT NULL ORDER BY dlq_id LIMIT 10)`);
  const { id, partition = 0, offset = 0n } = (await readLetters(240)).at(-1) ?? {};
  const last = `o${Number(offset) * 3 + partition}`;
  await sql(`
    INSERT INTO replays (dlq_id, replay, state, run, first_failed_at, value, digest, epoch, partition, search_from)
    SELECT '${id}', 1, 'sending', 1, now(), mended, sha256('${last}' || mended), 1, ${partition}, 60
    FROM (SELECT convert_to('${orderWithId(last)} ', 'UTF8') AS mended) AS ledger`);
  const resumed = await replay("--go", "--id", String(id));
  // Beside the ten there may be what the run that was cut off had really in hand.
  expect(resumed.stderr).toMatch(/\d+ letters in hand[\s\S]*1\d of them had been sent/);
  expect(await replay("--go", ...MEND)).toMatchObject({ code: 0, result: { matched: 240 } });
  expect(await sql("SELECT state, count(*)::int FROM replays GROUP BY 1")).toEqual([{ state: "stored", count: 240 }]);
  expect(await sql(`SELECT right(document, 2) AS ending FROM orders WHERE id = '${last}'`)).toEqual([
    { ending: "\n " },
  ]);
  const replayed = await readReplayed(480);
  expect([replayed.length, new Set(replayed.map(({ id }) => id)).size]).toEqual([240, 240]);
  expect(await audit(system.env)).toMatchObject({ ok: true });
});

/** Fails when a command is run again for what it has made already (mendAll in sift.ts): it may make others of it today. */
it("goes on by the same command with the bytes that it made in the run that was interrupted", async () => {
  await system.ingest();
  await system.publish([{ ...record("a"), partition: 0 }], 1);
  await sql("INSERT INTO replay_runs (operator) VALUES ('dead')");
  const mended = `${orderWithId("a")} `;
  const claimed = `'sending', 1, now(), convert_to('${mended}', 'UTF8'), sha256('a' || convert_to('${mended}', 'UTF8')), 1, 0, 1`;
  await sql(`
    INSERT INTO replays (dlq_id, replay, state, run, first_failed_at, value, digest, epoch, partition, search_from, edit)
    VALUES ('${system.orders.name}:1:0:0', 1, ${claimed}, '${MEND[1]?.replaceAll("'", "''")}')`);
  expect((await replay("--go", ...MEND)).result).toMatchObject({ sent: 1, stored: 1 });
  expect(await sql("SELECT document FROM orders WHERE id = 'a'")).toEqual([{ document: mended }]);
});

/** Fails when the bytes of an interrupted run are sent in spite of a command that was corrected since. */
it("sends what another command makes now, not what one made in a run that sent nothing", async () => {
  await system.ingest();
  await system.publish([{ ...record("a"), partition: 0 }], 1);
  await sql("INSERT INTO replay_runs (operator) VALUES ('dead')");
  await sql(`
    INSERT INTO replays (dlq_id, replay, state, run, first_failed_at, value, digest, epoch, partition, search_from)
    VALUES ('${system.orders.name}:1:0:0', 1, 'sending', 1, now(), 'wrong', sha256('wrong'), 1, 0, 1)`);
  expect((await replay(...MEND)).stderr).toContain("another run has it in hand, or was interrupted (--go finds out)");
  const alive = await openConnection(system.database.ownerUrl, { name: "dead", answerWithinMs: 10_000 });
  await alive.ask(`SELECT pg_advisory_lock(${RUN_LOCK}, 1)`);
  const beside = await replay("--go", ...MEND);
  await alive.ask("SELECT pg_advisory_unlock_all()");
  await alive.close();
  expect([beside.result.skipped, beside.stderr]).toEqual([
    { "in-hand": 1 },
    expect.stringMatching(/another run has it in hand +\S+:1:0:0/),
  ]);
  expect((await replay("--go", ...MEND)).result).toMatchObject({ sent: 1, stored: 1 });
  expect(await sql("SELECT document FROM orders WHERE id = 'a'")).toEqual([{ document: String(orderWithId("a")) }]);
});

it("leaves alone what cannot come back, and says why", async () => {
  const ingestor = await system.ingest();
  await system.publish([{ key: "a", value: orderWithId("a"), partition: 0 }], 1);
  const conflict = Buffer.from(orderWithId("a").toString().replace("Test Testov", "Somebody Else"));
  await system.publish([{ key: "a", value: conflict, partition: 0 }], 2);
  await system.publish([{ ...record("b"), partition: 0 }], 3);
  await system.publish([{ key: null, value: null, partition: 0 }], 4);
  await ingestor.stop();
  const letters = await readTopic(system.letters.brokers, system.letters.name, 3);
  const copies = letters.map((message): Message => {
    return { key: message.key, value: message.value, headers: asKafkajsHeaders(headersOf(message)) };
  });
  await produce(system.letters.brokers, system.letters.name, [...copies, { value: "no letter" }]);

  const plain = await replay("--go");
  expect(plain.result).toEqual({ ...nothing, matched: 6, skipped: { "would-fail-again": 3, copy: 3 } });
  expect(plain.stderr).toMatch(/conflict +\/order_uid +stays: it would fail again: conflict \/order_uid/);
  const failing = await replay("--go", "--id", `${system.orders.name}:1:0:2`, "--edit", "exit 3");
  expect(failing).toMatchObject({ code: 1, result: { matched: 2, skipped: { "edit-failed": 1, copy: 1 } } });
  expect(failing.stderr).toContain(`${system.orders.name}:1:0:2 (1): the command of --edit ended with 3`);
  const { stderr: all } = await replay("--edit", "exit 3");
  expect(all.match(/the command of --edit ended with 3/g)).toHaveLength(1);
  expect(all).toMatch(/stays: the command of --edit failed [\s\S]*\nstays: \S+:1:0:\d \(\d\) and 2 more: the command/);
  // Without an ingestor nothing becomes of it yet; the next run tells.
  const unwaited = await replay("--go", "--no-wait", "--reason", "schema", ...MEND);
  expect([unwaited.code, unwaited.result]).toEqual([0, { ...nothing, matched: 2, sent: 1, skipped: { copy: 1 } }]);
  await system.ingest();
  expect((await replay("--go", "--reason", "conflict")).result).toMatchObject({ sent: 1, stored: 1 });
});

it("looks at the offsets that are meant, and sends no more than it is told to", async () => {
  const ingestor = await system.ingest();
  await system.publish(brokenOrders(4), 4);
  await ingestor.stop();
  expect(await replay("--dlq-offsets", "1-2", "--since", "1h")).toMatchObject({ whole: true, result: { matched: 2 } });
  const { result, whole, stderr } = await replay("--go", "--limit", "1", "--no-wait", ...MEND);
  expect([result, whole]).toEqual([{ ...nothing, matched: 1, sent: 1 }, false]);
  expect(stderr).toContain("1 record matched up to where it stopped, 1 sent");
  const none = [
    await replay("--path", "/nowhere"),
    await replay("--go", "--no-wait", "--id", `${system.orders.name}:1:0:99`),
  ];
  expect(none.map(({ code }) => code)).toEqual([0, 1]);
  for (const { stderr } of none) expect(stderr).toContain("no dead letter matches (4 looked through)");
  const beyond = await replay("--dlq-offsets", "999999-");
  expect(beyond.stderr).toContain("has none of these --dlq-offsets; it has 0:0-3");
  expect(beyond.stderr).toContain("no dead letters at these offsets");
});

it("stops at Ctrl-C between two records, and the same command goes on", async () => {
  await system.ingest();
  await system.publish(brokenOrders(30), 30);
  const { child, ended } = startTool("replay-dlq", ["--go", "--json", "--rate", "3", ...MEND], system.env);
  await waitUntil("some sent", async () => (await count('replays WHERE "offset" IS NOT NULL')) >= 4);
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  const { sent, matched } = JSON.parse(stdout) as ReplayResult;
  expect([code, sent < 30, matched, stderr]).toEqual([
    1,
    true,
    sent,
    expect.stringContaining("the same command goes on"),
  ]);
  expect((await replay("--go", ...MEND)).result).toMatchObject({ matched: 30, failedAgain: 0, duplicate: 0 });
  expect(await count("orders")).toBe(30);
  expect(await readReplayed(60)).toHaveLength(30);
});

it("says in words what is out of reach or used wrongly", async () => {
  const run = (args: string[], env = {}) => runTool("replay-dlq", args, { ...system.env, ...env });
  // Tried again and again for some seconds.
  const withoutKafka = run([], { KAFKA_BROKERS: "127.0.0.1:1" });
  expect(await run(["--go"])).toMatchObject({ code: 2, stderr: expect.stringContaining("has never ingested") });
  expect(await run(["--dlq-offsets", "7-3"])).toMatchObject({ code: 2, stderr: expect.stringContaining("17-30") });
  expect(await run(["--path", "items"])).toMatchObject({ code: 2, stderr: expect.stringContaining("a slash: /items") });
  expect(await run(["--id", "foo"])).toMatchObject({ code: 2, stderr: expect.stringContaining("orders:1:0:17") });
  const noDatabase = await run([], { DATABASE_URL: "postgresql://127.0.0.1:1/orders" });
  expect(noDatabase).toMatchObject({ code: 1, stderr: expect.stringContaining("start one with npm start") });
  const noKafka = await withoutKafka;
  expect(noKafka).toMatchObject({ code: 1, stderr: expect.stringContaining("KAFKA_BROKERS") });
  expect(noKafka.stderr + noDatabase.stderr).not.toContain("    at ");
});
