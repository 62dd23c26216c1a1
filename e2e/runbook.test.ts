import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { projectRoot } from "../runtime/project-root";
import { eventsOf, findLoggedEvents } from "./support/logged-events";

const read = (path: string): string => readFileSync(join(projectRoot(), path), "utf8");
const runbook = read("deploy/RUNBOOK.md");

/** The part of the runbook below a heading, up to the next one of its rank. */
function section(heading: string): string {
  const [, text] = runbook.split(new RegExp(`^## ${heading}$`, "m"));
  if (text === undefined) throw new Error(`the runbook has no heading "${heading}"`);
  return text.split(/^## /m)[0] ?? "";
}

/** What stands in backticks in the first column of a table. */
function firstColumn(table: string): string[] {
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = ""]) => cell);
}

const events = findLoggedEvents();
const loud = [...events].filter(([, levels]) => ["warn", "error", "fatal"].some((level) => levels.has(level)));

test("the runbook has every event that is logged at warn or above, and no other", () => {
  expect(firstColumn(section("Log events"))).toEqual(loud.map(([event]) => event).toSorted());
});

test("docs/log-events.md has every event with its level, and no other", () => {
  const rows = [...read("docs/log-events.md").matchAll(/^\| `([^`]+)` \| ([a-z, ]+) \|/gm)];
  const documented = rows.map(([, event = "", levels = ""]) => [event, levels.split(", ").at(-1)]);
  expect(documented).toEqual([...events].map(([event, levels]) => [event, [...levels].join()]).toSorted());
});

test("an event is found wherever it is logged, with its level", () => {
  const source = `
    log.warn({ event: "a.b", err }, "x");
    if (x) deps.log.error(
      { event: "c.d" }, \`y\`);
    const extra = { event: "e.f" };`;
  expect(eventsOf("x.ts", source)).toEqual([
    ["a.b", "warn"],
    ["c.d", "error"],
    ["e.f", "warn"],
  ]);
  expect(() => eventsOf("x.ts", 'log.info({ count: 1 }, "x")')).toThrow("x.ts logs at info without");
  expect(() => eventsOf("x.ts", 'log.info({ event: name }, "x")')).toThrow("x.ts logs at info without");
});

test("the runbook has every alert, and no other; each alert leads to its heading", () => {
  const { groups } = parse(read("deploy/prometheus/alerts.yml"));
  const rules: { alert: string; annotations: { runbook: string; summary: string } }[] = groups[0].rules;
  const headings = [...section("Alerts").matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(rules.map(({ alert }) => alert));
  for (const { alert, annotations } of rules) {
    expect(annotations.runbook).toBe(`deploy/RUNBOOK.md#${alert.toLowerCase()}`);
    expect(annotations.summary).not.toBe("");
  }
});

test("every alert says what it means and what to do", () => {
  for (const alert of section("Alerts").split(/^### /m).slice(1)) {
    expect(alert).toMatch(/^\w+\n\n\*\*Means\.\*\* [\s\S]+\*\*Do\.\*\*\s/);
  }
});

test.each([
  ["Bring dead letters back", "npm run replay-dlq"],
  ["Backup", "pg_dump"],
  ["Restore", "pg_restore"],
  ["Growing the partitions", "createPartitions"],
  ["Upgrading", "npm run migrate"],
  ["Emptying Redis", "FLUSHALL"],
])("the runbook's %s is of commands, %s among them", (heading, command) => {
  expect(section(heading)).toContain(command);
});

test("the runbook has every exit code that the sources give, and no other", () => {
  const codes = new Set<string>();
  for (const folder of ["ingestor", "reader", "runtime", "prisma", "tools"]) {
    for (const path of readdirSync(join(projectRoot(), folder), { recursive: true, encoding: "utf8" })) {
      if (!/\.(ts|mjs)$/.test(path) || /\.test\.ts$|^generated/.test(path)) continue;
      for (const code of exitCodesOf(read(join(folder, path)))) codes.add(code);
    }
  }
  expect(firstColumn(section("Exit codes"))).toEqual([...codes].toSorted((a, b) => Number(a) - Number(b)));
});

/** Numbers given to `process.exit` and `exitCode`, and those that a signal is paired with. */
function exitCodesOf(source: string): string[] {
  const places = source.matchAll(/process\.exit\((.*?)\)|exitCode = (.*?);|\["SIG\w+", (\d+)\]/g);
  return [...places].flatMap(
    ([, exit = "", set = "", signal = ""]) => `${exit} ${set} ${signal}`.match(/\b\d+\b/g) ?? [],
  );
}

test("every link of the documents leads to a file and a heading that are there", () => {
  const documents = readdirSync(join(projectRoot(), "docs")).filter((name) => name.endsWith(".md"));
  const others = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/RUNBOOK.md"];
  for (const path of [...others, ...documents.map((name) => `docs/${name}`)]) {
    for (const [, target = ""] of read(path).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = "", anchor] = target.split("#");
      const to = file === "" ? path : join(dirname(path), file);
      expect({ path, target, exists: existsSync(join(projectRoot(), to)) }).toEqual({ path, target, exists: true });
      const text = anchor ? read(to) : "";
      if (anchor)
        expect({ path, target, anchors: anchorsOf(text) }).toMatchObject({ anchors: expect.arrayContaining([anchor]) });
    }
  }
});

/** The anchors that GitHub gives to headings. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\w\- ]/g, "").replaceAll(" ", "-"));
}
