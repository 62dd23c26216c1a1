import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { produce } from "../e2e/support/kafka-records";
import { type RunningIngestor, runIngestor } from "../e2e/support/run-ingestor";
import { type RunningReader, runReader } from "../e2e/support/run-reader";
import { testAddress } from "../e2e/support/test-address";
import { createTestDatabase, type TestDatabase } from "../e2e/support/test-database";
import { createTestTopic, type TestTopic } from "../e2e/support/test-topic";
import { waitUntil } from "../e2e/support/wait-until";
import { openConnection } from "../prisma/open-connection";
import { ask, runTool } from "./audit/test-support";
import { checkDisk, checkPackages } from "./doctor/check-machine";
import { checkClock } from "./doctor/check-postgres";
import { examine } from "./doctor/examine";
import type { Check, Finding } from "./doctor/finding";
import { describe as describeFindings, resultOf } from "./doctor/report";

// A whole system that is well. Each test spoils one thing of a part of its own, and is told it with its mend.

const home = mkdtempSync(join(tmpdir(), "orders-doctor-"));
const topics: TestTopic[] = [];
let database: TestDatabase;
let ingestor: RunningIngestor;
let reader: RunningReader;
let wellEnv: Record<string, string>;

const topic = async (...args: Parameters<typeof createTestTopic>): Promise<TestTopic> => {
  const made = await createTestTopic(...args);
  topics.push(made);
  return made;
};
const roomy = { "max.message.bytes": "16777216" };

beforeAll(async () => {
  const [orders, dlq] = await Promise.all([topic({ partitions: 2 }), topic({ config: roomy })]);
  database = await createTestDatabase();
  const env = {
    KAFKA_BROKERS: orders.brokers.join(","),
    ...{ KAFKA_TOPIC: orders.name, KAFKA_DLQ_TOPIC: dlq.name, KAFKA_GROUP: orders.name },
    REDIS_URL: testAddress("TEST_REDIS_URL"),
  };
  [ingestor, reader] = await Promise.all([
    runIngestor({ ...env, DATABASE_URL: database.ingestorUrl }),
    runReader({ DATABASE_URL: database.readerUrl }),
  ]);
  wellEnv = { ...env, DATABASE_URL: database.ownerUrl, INGESTOR_URL: ingestor.url, READER_URL: reader.url };
  await waitUntil("the ingestor is ready", async () => (await ingestor.readiness()).status === 200);
});

afterAll(async () => {
  await Promise.all([ingestor?.stop("SIGKILL"), reader?.stop()]);
  await Promise.all([database?.drop(), ...topics.map((each) => each.drop())]);
  rmSync(home, { recursive: true });
});

/** What is not well of a system that differs in this from the one that is, each with its mend. */
async function complaints(check: Check, env: Readonly<Record<string, string>>): Promise<string[]> {
  return (await findingsOf(check, env)).flatMap((each) =>
    each.state === "unwell" ? [`${each.what} → ${each.mend}`] : [],
  );
}

async function findingsOf(check: Check, env: Readonly<Record<string, string>>): Promise<Finding[]> {
  return (await examine(home, { ...wellEnv, ...env })).filter((each) => each.check === check);
}

/** The same, of a database of its own that this SQL has spoilt. */
function complaintsAfter(sql: string, check: Check, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  return after(sql, (DATABASE_URL) => complaints(check, { ...env, DATABASE_URL }));
}

function findingsAfter(sql: string, check: Check): Promise<Finding[]> {
  return after(sql, (DATABASE_URL) => findingsOf(check, { DATABASE_URL }));
}

async function after<T>(sql: string, look: (databaseUrl: string) => Promise<T>): Promise<T> {
  const spoilt = await createTestDatabase();
  try {
    await ask(spoilt.ownerUrl, sql);
    return await look(spoilt.ownerUrl);
  } finally {
    await spoilt.drop();
  }
}

it("finds a system well that is, in a table, and exits with 0", async () => {
  const { code, stdout } = await runTool("doctor", [], wellEnv);
  expect(stdout).toMatch(/^✓ {2}node +Node /);
  expect({ code, others: stdout.split("\n").filter((line) => !line.startsWith("✓")) }).toEqual({
    ...{ code: 0, others: ["", "all is well", ""] },
  });
});

it("exits with 1 where something is not, and tells it in one object", async () => {
  const { code, stdout, stderr } = await runTool("doctor", ["--json"], { ...wellEnv, KAFKA_TOPIC: "no-such" });
  const { ok, findings } = JSON.parse(stdout);
  expect({ code, ok }).toEqual({ code: 1, ok: false });
  expect(findings).toContainEqual({
    ...{ check: "topics", state: "unwell", what: "there is no topic no-such" },
    mend: expect.stringContaining("node dist/tools/start/topics-main.js"),
  });
  expect(stderr).toMatch(/✗ {2}topics +there is no topic no-such\n +→ node dist/);
});

it("refuses an unknown option with the nearest one", async () => {
  const { code, stderr } = await runTool("doctor", ["--jsno"], {});
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("Did you mean --json?") });
});

it("looks at the machine alone where no system is known", async () => {
  const findings = await examine(home, {});
  expect(findings.map(({ check }) => check)).toEqual(["node", "packages", "disk", "ports", "kafka", "postgres"]);
  expect(findings.at(-1)).toMatchObject({ state: "not-asked", what: expect.stringContaining("npm start starts one") });
});

// Fails when a machine on which npm start cannot have a Kafka is called well.
it("tells where npm start will have its Kafka from, or that it cannot have one", async () => {
  const empty = { PATH: home, ORDERS_HOME: join(home, "none") };
  const without = await runTool("doctor", ["--json"], empty);
  const jars = await runTool("doctor", ["--json"], { ...empty, PATH: process.env["PATH"] ?? "", KAFKA_HOME: home });
  const brokers = await runTool("doctor", ["--json"], { ...empty, KAFKA_BROKERS: "kafka:9092" });
  const found = [without, jars, brokers].map(({ stdout }) =>
    (JSON.parse(stdout) as { findings: Finding[] }).findings.find(({ check }) => check === "kafka"),
  );
  expect(found).toEqual([
    {
      ...{ check: "kafka", state: "unwell", mend: expect.stringContaining("apt-get install openjdk-17-jre-headless") },
      what: expect.stringMatching(/^Kafka needs Java 17 or newer, and PATH has none, and no Docker engine runs/),
    },
    {
      check: "kafka",
      state: "unwell",
      what: expect.stringContaining(`no jars in ${home}/libs`),
      mend: expect.any(String),
    },
    { check: "kafka", state: "well", what: expect.stringContaining("kafka:9092") },
  ]);
  expect(without.code).toBe(1);
});

it("is as wide as the terminal, but for what is copied", () => {
  const findings: Finding[] = [
    {
      check: "migrations",
      state: "well",
      what: "all of them are applied, and the newest is of the day before",
    },
    {
      check: "disk",
      state: "unwell",
      what: "12 MB are free",
      mend: "make room, at least 1,000 MB; deploy/RUNBOOK.md, A full disk",
    },
  ];
  expect(describeFindings(resultOf(findings), 48)).toBe(
    [
      ...["✓  migrations  all of them are applied, and the", "               newest is of the day before"],
      ...[
        "✗  disk        12 MB are free",
        "               → make room, at least 1,000 MB; deploy/RUNBOOK.md, A full disk",
      ],
      ...["", "1 thing is not well", ""],
    ].join("\n"),
  );
});

it("tells what of the topics' settings would lose a record or refuse a dead letter", async () => {
  const orders = await topic({
    config: { "retention.ms": "3600000", "retention.bytes": "9000", "min.insync.replicas": "2" },
  });
  const dlq = await topic({
    config: {
      ...{ "max.message.bytes": "1000", "retention.ms": "864000000", "cleanup.policy": "compact" },
      ...{ "unclean.leader.election.enable": "true", "message.timestamp.after.max.ms": "3600000" },
    },
  });
  const found = await complaints("topics", { KAFKA_TOPIC: orders.name, KAFKA_DLQ_TOPIC: dlq.name });
  const told = (name: string, what: string, setting: string) =>
    expect.stringMatching(
      new RegExp(`^${name}:? ${what}.* → kafka-configs.sh --bootstrap-server \\S+:\\d+ --alter .* ${setting}$`),
    );
  expect(found).toEqual(
    expect.arrayContaining([
      told(orders.name, "min.insync.replicas is 2 of 1", "min.insync.replicas=1"),
      told(orders.name, "what is older than 60 min is deleted", "retention.ms=604800000"),
      told(orders.name, "its size is limited", "retention.bytes=-1"),
      told(dlq.name, "what is older than 10 days is deleted", "retention.ms=-1"),
      told(dlq.name, "records of one key", "cleanup.policy=delete"),
      told(dlq.name, "a broker that is behind", "unclean.leader.election.enable=false"),
      told(
        dlq.name,
        "takes records of up to 1,000 bytes, \\S+ of up to 8,388,608 bytes \\(max",
        "max.message.bytes=16777216",
      ),
      told(dlq.name, "refuses timestamps", "message.timestamp.after.max.ms=9223372036854775807"),
    ]),
  );
  expect(found).toHaveLength(8);
});

it("names the topic of orders where that is the one that was made without its limit", async () => {
  const orders = await topic({ config: { "max.message.bytes": "16777216" } });
  expect(await complaints("topics", { KAFKA_TOPIC: orders.name })).toEqual([
    `${wellEnv["KAFKA_DLQ_TOPIC"]} takes records of up to 16,777,216 bytes, ${orders.name} of up to 16,777,216 bytes ` +
      "(max.message.bytes): a large one with the headers of a dead letter is refused → " +
      `kafka-configs.sh --bootstrap-server ${wellEnv["KAFKA_BROKERS"]} --alter --topic ${orders.name} --add-config max.message.bytes=8388608`,
  ]);
});

it("tells migrations that are missing, failed, changed or unknown", async () => {
  const found = await complaintsAfter(
    `DELETE FROM _prisma_migrations WHERE migration_name LIKE '%_replays';
     UPDATE _prisma_migrations SET checksum = 'other' WHERE migration_name LIKE '%_orders';
     UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%_recent_orders';
     INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
       VALUES ('x', 'x', '99990101000000_later', now());
     DROP SCHEMA bullmq CASCADE`,
    "migrations",
  );
  expect(found).toEqual([
    expect.stringMatching(/_replays is not applied → npm run migrate/),
    expect.stringMatching(/_orders is not what was applied.* → git checkout/),
    expect.stringMatching(/_recent_orders was begun and has failed → mend/),
    expect.stringMatching(/99990101000000_later is applied and unknown here.* → run the version/),
    expect.stringMatching(/BullMQ's schema is missing → npm run migrate/),
  ]);
});

it("tells a database without any table", async () => {
  const name = "doctor_empty";
  await ask(database.ownerUrl, `DROP DATABASE IF EXISTS ${name}`);
  await ask(database.ownerUrl, `CREATE DATABASE ${name}`);
  const url = new URL(database.ownerUrl);
  url.pathname = `/${name}`;
  expect(await complaints("migrations", { DATABASE_URL: url.href })).toEqual([
    expect.stringMatching(/no tables of this project → npm run migrate/),
  ]);
  // The owner may not end an autovacuum that happens to be at work there, which makes it a matter of a moment.
  await waitUntil(`${name} is dropped`, async () => {
    await ask(database.ownerUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    return true;
  });
});

it("tells rights that a role lacks, and those that it does not need", async () => {
  const found = await complaintsAfter(
    `REVOKE INSERT ON orders FROM orders_ingestor;
     REVOKE USAGE ON SEQUENCE outbox_id_seq FROM orders_ingestor;
     GRANT DELETE ON orders TO orders_ingestor;
     GRANT SELECT (email) ON deliveries TO orders_reader;
     GRANT CREATE ON SCHEMA public TO orders_reader`,
    "rights",
  );
  expect(found.toSorted()).toEqual([
    'orders_ingestor lacks INSERT ON "orders" → GRANT INSERT ON "orders" TO orders_ingestor;',
    'orders_ingestor lacks USAGE ON SEQUENCE "outbox_id_seq" → GRANT USAGE ON SEQUENCE "outbox_id_seq" TO orders_ingestor;',
    'orders_ingestor needs no DELETE ON "orders" → REVOKE DELETE ON "orders" FROM orders_ingestor;',
    "orders_reader may make tables → REVOKE CREATE ON SCHEMA public FROM orders_reader, PUBLIC;",
    'orders_reader needs no SELECT (email) ON "deliveries" → REVOKE SELECT (email) ON "deliveries" FROM orders_reader;',
  ]);
});

it("tells a user who is not the database's owner what is needed", async () => {
  const found = await complaints("postgres", { DATABASE_URL: database.readerUrl });
  expect(found).toEqual([expect.stringMatching(/permission denied .* → .*owner/)]);
});

it("tells dead letters that wait or are refused", async () => {
  const row = (offset: number, age = "3 hours") =>
    `(1, 0, ${offset}, ${offset}, 't', 'schema', '', '', 0, now() - interval '${age}')`;
  const insert = (...rows: string[]) =>
    `INSERT INTO outbox (epoch, partition, "offset", last_offset, topic, reason, errors, headers, timestamp, failed_at)
     VALUES ${rows.join()}`;
  const refuseThird = `UPDATE outbox_undelivered SET refusal = 'MESSAGE_TOO_LARGE' FROM outbox WHERE outbox.id = outbox_undelivered.id AND "offset" = 3`;
  // Fails when it is not granted the lease that a worker which was killed had on it.
  expect(await complaintsAfter(insert(row(1, "65 s")), "outbox")).toEqual([]);
  const found = await complaintsAfter(`${insert(row(1), row(2), row(3))}; ${refuseThird}`, "outbox");
  expect(found).toEqual([
    expect.stringMatching(/^2 dead letters wait .* for 3 h → see that an ingestor runs/),
    expect.stringMatching(/^dead letters that cannot be sent: 1 → npm run dlq .*OrdersDeadLettersRefused/),
  ]);
});

const positions = (values: string): string => `
  INSERT INTO epochs (topic) VALUES ('${wellEnv["KAFKA_TOPIC"]}');
  INSERT INTO positions (epoch, partition, next_offset, gap, unfinished_starts, updated_at) VALUES ${values}`;

it("tells a gap, and a partition whose ingestor dies again and again", async () => {
  const found = await complaintsAfter(positions("(1, 0, 0, 7, 0, now()), (1, 1, 0, 0, 5, now())"), "gaps");
  expect(found).toEqual([
    expect.stringMatching(/:1:0: Kafka had deleted 7 offsets before .* → ask the producer/),
    expect.stringMatching(/:1:1: ingesting was begun 5 times in vain → look/),
  ]);
});

it("notes where the positions of a topic that was made anew had ended, which is nothing to mend", async () => {
  const ended = positions("(1, 0, 7, 0, 0, now()), (1, 1, 9, 0, 0, now())");
  expect(await findingsAfter(`${ended}; ${positions("(2, 0, 0, 0, 0, now())")}`, "gaps")).toEqual([
    { check: "gaps", state: "well", what: "nothing was deleted unread from a topic that was still there" },
    {
      ...{ check: "gaps", state: "not-asked" },
      what: `${wellEnv["KAFKA_TOPIC"]}:1 ended when the topic was made anew, its positions at 7 (partition 0), 9 (partition 1); what the deleted topic held behind them cannot be told any more`,
    },
  ]);
});

it("tells records that nobody ingests, and positions behind the end of the log", async () => {
  const orders = wellEnv["KAFKA_TOPIC"] ?? "";
  await produce((wellEnv["KAFKA_BROKERS"] ?? "").split(","), orders, [{ partition: 0, value: "{}" }]);
  const found = await complaintsAfter(
    positions("(1, 0, 0, 0, 0, now() - interval '1 hour'), (1, 1, 9, 0, 0, now())"),
    "lag",
  );
  expect(found).toEqual([
    expect.stringMatching(/:0: 1 record waits, and nothing was ingested for over a minute → start an ingestor/),
    expect.stringMatching(/:1 ends at 0, and 9 is ingested: .* → start the ingestor/),
  ]);
});

// Fails when a topic is known by the ends of its logs alone: these are as far as the positions say.
it("tells a topic that was made anew and has as many records, and a lag that nobody works off", async () => {
  expect(
    await complaintsAfter(`${positions("(1, 0, 1, 0, 0, now())")}; UPDATE epochs SET topic_id = 'another'`, "lag"),
  ).toEqual([
    expect.stringMatching(/ was made anew, and no ingestor has noticed yet: none of its 1 offsets .* → start/),
  ]);
  const nobody = { INGESTOR_URL: `http://127.0.0.1:${await freePort()}` };
  expect(await complaintsAfter(positions("(1, 0, 0, 0, 0, now())"), "lag", nobody)).toEqual([
    "1 record is not ingested yet, and the ingestor is not well → mend the ingestor, as is said above; it then goes on",
  ]);
});

it("tells a Redis that loses jobs", async () => {
  const port = await freePort();
  const careless = ["--port", String(port), "--save", "", "--maxmemory-policy", "allkeys-lru", "--dir", home];
  const redis = spawn("redis-server", careless, { stdio: "ignore" });
  try {
    const found = await waitUntil("Redis answers", async () => {
      const all = await complaints("redis", { REDIS_URL: `redis://127.0.0.1:${port}` });
      return all.join().includes("cannot reach") ? undefined : all;
    });
    expect(found).toEqual([
      expect.stringMatching(/^it may evict jobs \(maxmemory-policy allkeys-lru\) → CONFIG SET maxmemory-policy/),
      expect.stringMatching(/^jobs are lost with its process .* → CONFIG SET appendonly yes/),
    ]);
  } finally {
    redis.kill("SIGKILL");
  }
});

it("tells a clock that is off, by either side", async () => {
  const connection = await openConnection(database.ownerUrl, { name: "test", answerWithinMs: 30_000 });
  try {
    expect(await checkClock(connection, Date.now)).toMatchObject({ state: "well" });
    for (const [shift, words] of [
      [-60_000, "ahead of"],
      [60_000, "behind"],
    ] as const) {
      const found = await checkClock(connection, () => Date.now() + shift);
      expect(found).toMatchObject({ state: "unwell", what: expect.stringContaining(words), mend: expect.any(String) });
    }
  } finally {
    await connection.close();
  }
});

it("tells a disk with too little room, and packages that are not those of package.json", () => {
  expect(checkDisk(join(home, "not/there/yet"), 1)).toMatchObject({ state: "well" });
  expect(checkDisk(home, 1e12)).toMatchObject({ state: "unwell", mend: expect.stringContaining("make room") });
  const manifest = { dependencies: { kafkajs: "2.2.4" }, devDependencies: {} };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  expect(checkPackages(home)).toMatchObject([
    { state: "unwell", what: "kafkajs is missing, not 2.2.4", mend: "npm ci" },
  ]);
});

it("tells every part that nobody answers for, once each, and asks no further there", async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const findings = await examine(home, {
    ...{ DATABASE_URL: `postgresql://owner:secret-word@${nobody}/orders`, KAFKA_BROKERS: nobody },
    ...{
      REDIS_URL: `redis://:secret-word@${nobody}`,
      READER_URL: `http://${nobody}`,
      INGESTOR_URL: `http://${nobody}`,
    },
  });
  const unwell = findings.filter(({ state }) => state === "unwell");
  expect(unwell.map(({ check }) => check)).toEqual(["kafka", "postgres", "redis", "ingestor", "reader"]);
  for (const { what } of unwell) expect(what).toMatch(/cannot reach|does not answer|ECONNREFUSED/);
  expect(JSON.stringify(findings)).not.toContain("secret-word");
});

it("tells who listens in a process's place from the process", async () => {
  const other = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
  await once(other, "listening");
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  expect(await complaints("reader", { READER_URL: url })).toEqual([
    expect.stringMatching(/^who answers at .* is not the reader → look who listens/),
  ]);
  other.close();
});

it("tells a process that is not ready, and why", async () => {
  const own = await createTestDatabase();
  const waiting = await runReader({ DATABASE_URL: own.readerUrl });
  await ask(own.ownerUrl, "REVOKE SELECT ON positions FROM orders_reader");
  await waitUntil("the reader is not ready", async () => (await fetch(`${waiting.url}/readyz`)).status === 503);
  expect(await complaints("reader", { READER_URL: waiting.url })).toEqual([
    expect.stringMatching(/^the reader is not ready: .*permission denied.* → bring back/),
  ]);
  await waiting.stop();
  await own.drop();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
