import type { Message } from "kafkajs";
import { orderWithId } from "../e2e/support/judged-records";
import { addPartitions, produce } from "../e2e/support/kafka-records";
import { deadLetterId, writeDeadLetterHeaders } from "../ingestor/dead-letter";
import { asKafkajsHeaders } from "../runtime/kafka/headers";
import { ask, createTestSystem, runTool, type TestSystem } from "./audit/test-support";
import { replay } from "./replay-dlq/test-support";

// Which letters a command line means. They are written here: an ingestor would have them failed all at once.

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem({ partitions: 1 });
  const { brokers, name } = system.letters;
  await addPartitions(brokers, name, 2);
  await ask(system.database.ownerUrl, `INSERT INTO epochs (topic) VALUES ('${system.orders.name}')`);
  await produce(brokers, name, [
    letter({ order: "a", key: "1", failedMinutesAgo: 180, dlqPartition: 0, replays: 0 }),
    letter({ order: "b", key: "2", failedMinutesAgo: 120, dlqPartition: 0, replays: 2 }),
    letter({ order: "c", key: "b", failedMinutesAgo: 60, dlqPartition: 0, replays: 3 }),
    letter({ order: "d", key: "4", failedMinutesAgo: 120, dlqPartition: 1, replays: 0 }),
  ]);
});
afterAll(() => system.drop());

interface Written {
  readonly order: string;
  readonly key: string;
  readonly failedMinutesAgo: number;
  readonly dlqPartition: number;
  readonly replays: number;
}

/** A letter of an order that would be stored today; its offset is the letter that the order is named by. */
function letter({ order, key, failedMinutesAgo, dlqPartition, replays }: Written): Message {
  const place = { topic: system.orders.name, partition: 0, offset: BigInt(order.charCodeAt(0)) };
  const headers = writeDeadLetterHeaders([], {
    ...{ ...place, id: deadLetterId({ ...place, epoch: 1 }), reason: "schema", errors: "/ x", replays },
    // What counts is when they failed last.
    ...{ firstFailedAt: minutesAgo(240), failedAt: minutesAgo(failedMinutesAgo) },
  });
  return { partition: dlqPartition, key, value: orderWithId(order), headers: asKafkajsHeaders(headers) };
}

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

// Each fails when its option, or a part of what it says, is not looked at.
it.each([
  ["--order b", "bc"],
  ["--since 90m", "c"],
  ["--until 150m", "a"],
  ["--dlq-offsets 0:0-1", "ab"],
])("%s means the letters of %s", async (option, orders) => {
  const { result, stderr } = await replay(system, ...option.split(" "));
  // The table of a dry run names them.
  const meant = [...stderr.matchAll(/:1:0:(\d+) \(\d+\)/g)].map(([, offset]) => String.fromCharCode(Number(offset)));
  expect([meant.sort().join(""), result.matched]).toEqual([orders, orders.length]);
});

// Fails with any other default of --max-replays than the documented 3.
it("a letter that was brought back three times already stays, one of two times does not", async () => {
  const { result } = await replay(system);
  expect(result).toMatchObject({ matched: 4, skipped: { "too-many-replays": 1 } });
});

const keys = ["dryRun", "whole", "matched", "sent", "stored", "failedAgain", "duplicate", "skipped"];

// Fails when a key is renamed, added or left out, or --help does not tell of it: programs read this line.
it("the JSON is one last line with the keys that --help tells, of a dry run and of one that sends", async () => {
  for (const args of [[], ["--go", "--no-wait"]]) {
    const { stdout } = await runTool("replay-dlq", ["--json", ...args], system.env);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    expect(Object.keys(JSON.parse(stdout))).toEqual(keys);
  }
  const { stdout: help } = await runTool("replay-dlq", ["--help"], {});
  expect(help.replaceAll("\n", " ")).toContain(`The JSON is {${keys.join(", ")}: {why: count}}.`);
});
