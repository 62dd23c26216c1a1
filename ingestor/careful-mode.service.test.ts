import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type pg from "pg";
import { createIngestedTopic, type IngestedTopic } from "../e2e/support/ingested-topic";
import type { RunningIngestor } from "../e2e/support/run-ingestor";
import { untilBlocked } from "../e2e/support/until-blocked";
import { waitUntil } from "../e2e/support/wait-until";

let topic: IngestedTopic;
let owner: pg.Client;
let ingestor: RunningIngestor;

beforeEach(async () => {
  topic = await createIngestedTopic();
  owner = topic.owner;
});

afterEach(() => topic.drop());

const hasLogged = (event: string, part?: string): boolean =>
  ingestor.log.some((line) => line["event"] === event && (part === undefined || line["part"] === part));

/** The processes that the ingestor has started. */
function findChildren(): number[] {
  const parentOf = (pid: string): number => {
    try {
      return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    } catch {
      return 0; // It has ended meanwhile.
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === ingestor.process.pid)
    .map(Number);
}

/** What every process has open from its start: whatever else it has closed since, it gets no other. */
const NO_MORE_FILES = 3;

/** How many open files the system grants the ingestor from now on; those that are open stay so. */
function limitOpenFiles(count: number): void {
  const { status, stderr } = spawnSync("prlimit", [`--pid=${ingestor.process.pid}`, `--nofile=${count}:`]);
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

// G3. Fails when a process that the system refuses counts as one that a record has killed, or stays "the child" for ever
// (start in judge-apart.ts).
test("while the system refuses the ingestor the process that judges apart, records wait, and all are stored afterwards", async () => {
  await topic.publish("a", "b", "c");
  await owner.query(`INSERT INTO epochs (topic) VALUES ('${topic.orders.name}')`);
  await owner.query("INSERT INTO positions (epoch, partition, next_offset, unfinished_starts) VALUES (1, 0, 0, 10)");
  await owner.query("BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE");
  ingestor = await topic.ingest();
  // The first record has been judged, and waits for the lock; the second is judged after it.
  await untilBlocked(owner);
  limitOpenFiles(NO_MORE_FILES);
  for (const child of findChildren()) process.kill(child, "SIGKILL");
  await waitUntil("the child has ended", () => findChildren().length === 0);
  await owner.query("COMMIT");
  await waitUntil("the ingestor waits", () => hasLogged("outage.began", "the judging process"));
  expect((await owner.query("SELECT received::int FROM positions")).rows).toEqual([{ received: 1 }]);
  limitOpenFiles(1_024);
  await waitUntil("all are ingested", async () => {
    const { rows } = await owner.query("SELECT received::int FROM positions");
    return rows[0]?.received === 3;
  });
  expect((await owner.query("SELECT id FROM orders ORDER BY id")).rows).toEqual([
    { id: "a" },
    { id: "b" },
    { id: "c" },
  ]);
  expect(hasLogged("kafka.consumer-crash")).toBe(false);
});
