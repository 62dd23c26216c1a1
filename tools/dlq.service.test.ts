import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import {
  ask,
  createTestSystem,
  firstRecords,
  laterRecords,
  runTool,
  type TestSystem,
  undeliver,
} from "./audit/test-support";

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
  const ingestor = await system.ingest();
  await system.publish(firstRecords(), 9);
  await system.publish(laterRecords(), 11);
  await ingestor.stop();
  const { ownerUrl } = system.database;
  await ask(ownerUrl, undeliver("partition = 1", "MESSAGE_TOO_LARGE"));
  await ask(ownerUrl, undeliver("value IS NULL"));
  await ask(ownerUrl, "UPDATE outbox SET failed_at = now() - interval '3 hours' WHERE partition = 0");
});
afterAll(() => system?.drop());

const idOf = (partition: number, offset: number) => `${system.orders.name}:1:${partition}:${offset}`;
// Only PostgreSQL is there for this tool.
const dlq = (...args: string[]) => runTool("dlq", args, { DATABASE_URL: system.database.ownerUrl });

/** What stays to be read of what it writes to a terminal of so many columns, in lines; its progress is wiped out. */
function onTerminal(columns: number, command: string, name = "dlq"): readonly string[] {
  const tool = `"${process.execPath}" "${join(projectRoot(), `dist/tools/${name}.js`)}" ${command}`;
  const { stdout } = spawnSync("script", ["-qec", `stty cols ${columns}; ${tool}`, "/dev/null"], {
    env: { PATH: process.env["PATH"], SHELL: "/bin/sh", ...system.env },
    encoding: "utf8",
  });
  return stdout.split(/\r?\n/).map((line) => line.split("\r\u001b[K").at(-1) ?? "");
}

it("counts by reason and first path, tells ages and rates, and what has not been delivered", async () => {
  const { code, stdout } = await dlq("stats", "--json");
  const stats = JSON.parse(stdout);
  expect([code, stats]).toEqual([
    0,
    expect.objectContaining({
      ...{
        letters: 4,
        open: 4,
        records: 4,
        delivered: 2,
        waiting: 1,
        refused: 1,
        lastHour: 3,
        perHour: 1.3,
        rateHours: 3,
      },
      refusals: [{ refusal: "MESSAGE_TOO_LARGE", letters: 1 }],
    }),
  ]);
  expect(Date.parse(stats.newest) - Date.parse(stats.oldest)).toBeGreaterThan(3 * 3_600_000 - 60_000);
  expect(stats.causes).toEqual([
    expect.objectContaining({ reason: "deserialize", path: "/", letters: 2, open: 2, lastHour: 1, mistakes: 2 }),
    expect.objectContaining({ reason: "conflict", path: "/order_uid", letters: 1 }),
    expect.objectContaining({ reason: "schema", path: "/", letters: 1 }),
  ]);
  const { stdout: text } = await dlq();
  expect(text).toMatch(
    /^4 dead letters, 4 open: the first 3 h ago, the last \d+ s ago\n3 failures in the last hour, 1.3 an hour in all 3 h that there were\n/,
  );
  expect(text).toContain("2 delivered, 1 waiting, the longest for ");
  expect(text).toMatch(/2 +2 +1 +deserialize +\/ .* \/ is .* \(1 other first mistake in this group\)\n/);
});

it("lists the newest first, and what a wish leaves of them", async () => {
  const list = async (...args: string[]) => {
    const { matched, letters } = JSON.parse((await dlq("list", "--json", ...args)).stdout);
    return [matched, ...letters.map(({ id, delivery }: { id: string; delivery: string }) => `${id} ${delivery}`)];
  };
  const [tombstone, conflict] = [`${idOf(2, 0)} waiting`, `${idOf(2, 1)} delivered`];
  const [brace, schema] = [`${idOf(0, 2)} delivered`, `${idOf(1, 1)} refused`];
  const [matched, first, ...rest] = await list();
  expect([matched, first, rest.toSorted()]).toEqual([4, conflict, [brace, schema, tombstone].toSorted()]);
  expect(await list("--limit", "1")).toEqual([4, conflict]);
  expect(await list("--reason", "schema")).toEqual([1, schema]);
  expect(await list("--path", "/order_uid", "--reason", "conflict")).toEqual([1, conflict]);
  expect(await list("--undelivered")).toEqual([2, tombstone, schema]);
  expect((await list("--since", "2h"))[0]).toBe(3);
  const { stdout } = await dlq("list", "--limit", "1");
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(/^x-dlq-id +replays +failed at +reason +delivery +outcome +first mistake$/),
    expect.stringMatching(/:1:2:1 +0 +2\S+Z +conflict +delivered +open +\/order_uid is taken by another order/),
    "and 3 older ones (--limit N shows more)",
    "",
  ]);
});

// Fails when a day that the system has not had yet is counted in.
it("tells the rate over the time that there has been something to ingest", async () => {
  const { ownerUrl } = system.database;
  const rateAt = async (age: string, failure: string) => {
    await ask(ownerUrl, `UPDATE epochs SET started_at = now() - interval '${age}'`);
    await ask(ownerUrl, `UPDATE outbox SET failed_at = now() - interval '${failure}' WHERE partition = 0`);
    const { perHour, rateHours } = JSON.parse((await dlq("stats", "--json")).stdout);
    return [perHour, rateHours, (await dlq()).stdout.split("\n")[1]];
  };
  expect(await rateAt("10 min", "5 min")).toEqual([4, 1, "4 failures in the last hour, the first that there was"]);
  expect(await rateAt("8 hours", "3 hours")).toEqual([0.5, 8, expect.stringMatching(/, 0.5 an hour in all 8 h that/)]);
  expect(await rateAt("9 days", "3 hours")).toEqual([0.2, 24, expect.stringMatching(/, 0.2 an hour in the last day$/)]);
});

// Fails when a tool does not ask its terminal how wide it is.
it.each(["list", "stats"])("%s fits a terminal, and names every letter and path whole", (command) => {
  const lines = onTerminal(90, command);
  const stdout = lines.join("\n");
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(90);
  expect(stdout).toMatch(/\/[^\n]*…/);
  if (command === "stats") expect(stdout).toMatch(/ conflict +\/order_uid +\d+ s ago /);
  else for (const id of [idOf(2, 0), idOf(2, 1), idOf(0, 2), idOf(1, 1)]) expect(stdout).toContain(`${id} `);
});

it.each([
  ["list", /^x-dlq-id .*reason/, "delivery", (): string => `${idOf(2, 1)}  `],
  ["stats", /^letters .*path/, "last hour", (): string => "conflict     /order_uid  "],
] as const)("%s leaves out what is least important at 60 columns", (command, head, leftOut, named) => {
  const lines = onTerminal(60, command);
  const at = lines.findIndex((line) => head.test(line));
  expect(lines[at] ?? leftOut).not.toContain(leftOut);
  for (const line of lines.slice(at)) expect(line.length).toBeLessThanOrEqual(60);
  expect(lines.slice(at).join("\n")).toContain(named());
});

// Fails when a tool does not ask how wide its terminal is.
it.each([
  ["audit", "--wait 0", /^ *(partition|\d+) /],
  ["replay-dlq", "", /^(records|\d+) +\S+ {2}/],
  ["doctor", "", /^[✓✗] /],
] as const)("the table of %s fits its terminal too", (name, options, ofTable) => {
  const [narrow, wide] = [60, 300].map((columns) =>
    onTerminal(columns, options, name).filter((line) => ofTable.test(line)),
  );
  expect(narrow?.length).toBe(wide?.length);
  expect(Math.max(...(wide ?? []).map((line) => line.length))).toBeGreaterThan(60);
  expect(narrow?.filter((line) => line.length > 60)).toEqual([]);
});

it("says how many there are where a wish leaves none of them", async () => {
  expect(await dlq("list", "--path", "/nowhere")).toMatchObject({
    ...{ code: 0, stdout: "no dead letter matches (4 in all)\n" },
  });
});

it("shows a letter without a value of its content, by x-dlq-id and by its number", async () => {
  const { code, stdout } = await dlq("show", idOf(1, 1));
  expect(code).toBe(0);
  expect(stdout).toContain('{"secret": "<6>", "sum": 0}');
  expect(stdout).toContain("refused: MESSAGE_TOO_LARGE");
  expect(stdout).not.toMatch(/Ivanov|"sum": 42/);
  const { outboxId, value, bytes } = JSON.parse((await dlq("show", idOf(1, 1), "--json")).stdout);
  expect([value, bytes]).toEqual(['{"secret": "<6>", "sum": 0}', 31]);
  expect((await dlq("show", String(outboxId))).stdout).toBe(stdout);
});

it("shows key and headers by their lengths, and in full when that is asked for", async () => {
  const { key, headers } = JSON.parse((await dlq("show", idOf(0, 2), "--json")).stdout);
  expect([key, headers]).toEqual([
    "<2 bytes>",
    [
      { name: "trace", value: "<3 bytes>" },
      { name: "x-dlq-id", value: "<6 bytes>" },
      { name: "trace", value: null },
    ],
  ]);
  const { stdout } = await dlq("show", idOf(0, 2), "--full");
  expect(stdout).toMatch(
    /key {8}0x00ff\nheader {5}trace: 0x0100ff\nheader {5}x-dlq-id: forged\nheader {5}trace: null\n/,
  );
  expect(stdout).toMatch(/published {2}2020-09-13T12:26:40.000Z[\s\S]*\n\{\n$/);
});

it("writes exactly the value's bytes when it is asked for them", async () => {
  expect(await dlq("show", idOf(1, 1), "--raw")).toEqual({
    ...{ code: 0, stderr: "", stdout: '{"secret": "Ivanov", "sum": 42}' },
  });
  expect(await dlq("show", idOf(2, 0), "--raw")).toEqual({ code: 0, stderr: "", stdout: "" });
});

it("says that there is no such letter", async () => {
  for (const id of ["999", "nonsense", idOf(0, 999), `${system.orders.name}:9:0:2`]) {
    const ended = await dlq("show", id);
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("there is no dead letter") });
  }
  expect(await dlq("show")).toMatchObject({ code: 2, stderr: expect.stringContaining("missing required argument") });
});
