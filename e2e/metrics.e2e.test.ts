import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { projectRoot } from "../runtime/project-root";
import { createTestSystem, firstRecords, laterRecords, type TestSystem } from "../tools/audit/test-support";
import type { RunningIngestor } from "./support/run-ingestor";
import { type RunningReader, runReader } from "./support/run-reader";
import { waitUntil } from "./support/wait-until";

let system: TestSystem;
let ingestor: RunningIngestor;
let reader: RunningReader;
let scraped: Readonly<Record<"ingestor" | "reader", string>>;

const read = (path: string): string => readFileSync(join(projectRoot(), path), "utf8");
const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

beforeAll(async () => {
  system = await createTestSystem();
  ingestor = await system.ingest();
  reader = await runReader({ DATABASE_URL: system.database.readerUrl });
  await system.publish(firstRecords(), 9);
  await system.publish(laterRecords(), 11);
  for (const id of ["a", "nobody"]) await fetch(`${reader.url}/orders/${id}`);
  await waitUntil("the reader has read all orders", async () =>
    (await metricsOf(reader.url)).includes("orders_reader_loaded_orders_total 6"),
  );
  // Told by Kafka's own client, which knows after the next fetch.
  await waitUntil("the lag of each partition is known", async () =>
    [0, 1, 2].every((partition) => scrapedLag(partition, ingestor.url)),
  );
  scraped = { ingestor: await metricsOf(ingestor.url), reader: await metricsOf(reader.url) };
});

afterAll(async () => {
  await reader?.stop();
  await system?.drop();
});

async function scrapedLag(partition: number, url: string): Promise<boolean> {
  return (await metricsOf(url)).includes(`orders_ingestor_lag_records{partition="${partition}"}`);
}

/** A process's own metrics: name, type and meaning. */
function ownMetrics(text: string): string[][] {
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  return [...text.matchAll(/^# HELP (orders_\w+) (.+)$/gm)].map(([, name = "", help = ""]) => [
    ...[name, types.get(name) ?? "", help],
  ]);
}

/** Every name that a query may ask for. */
function sampleNames(): Set<string> {
  const text = `${scraped.ingestor}\n${scraped.reader}`;
  return new Set(["up", ...[...text.matchAll(/^(\w+)[ {]/gm)].map(([, name = ""]) => name)]);
}

/** The metrics that a query names: all words that are no function, label or keyword. */
function namesIn(query: string): string[] {
  const bare = query.replace(/\{[^}]*\}|"[^"]*"|\[[^\]]*\]|\b(by|without) \([^)]*\)/g, " ");
  return (bare.match(/[a-zA-Z_]\w*(?!\w*\s*\()/g) ?? []).filter((word) => !/^(and|or|unless|by|without)$/.test(word));
}

test("docs/metrics.md has every metric of both processes with its type and meaning, and no other", () => {
  const rows = [...read("docs/metrics.md").matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \|$/gm)].map((row) => row.slice(1));
  const all = [...ownMetrics(scraped.ingestor), ...ownMetrics(scraped.reader)];
  expect(rows).toEqual(all.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
});

test("what was ingested is counted by outcome, by batch and by reason, and nothing waits", () => {
  const sum = (name: string, label: string): number =>
    scraped.ingestor
      .split("\n")
      .filter((line) => line.startsWith(name) && line.includes(label))
      .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
  expect(sum("orders_ingestor_records_total", 'outcome="stored"')).toBe(6);
  expect(sum("orders_ingestor_records_total", 'outcome="duplicate"')).toBe(1);
  expect(sum("orders_ingestor_records_total", 'outcome="dead"')).toBe(4);
  expect(sum("orders_ingestor_batch_records_sum", "")).toBe(11);
  for (const [reason, letters] of [
    ["deserialize", 2],
    ["schema", 1],
    ["conflict", 1],
  ] as const) {
    expect(sum("orders_ingestor_dead_letters_total", `reason="${reason}",outcome="delivered"`)).toBe(letters);
  }
  // Of what has not happened yet there is a 0, so that rate() sees its first burst.
  expect(scraped.ingestor).toContain('orders_ingestor_dead_letters_total{reason="crash",outcome="refused"} 0\n');
  for (const name of ["waiting_rows", "refused_rows", "oldest_age_seconds"]) {
    expect(scraped.ingestor).toContain(`\norders_ingestor_outbox_${name} 0\n`);
  }
  expect(scraped.reader).toContain("\norders_reader_behind_records 0\n");
});

test("every query of the dashboard and of the alerts asks for metrics that exist", () => {
  const { panels } = JSON.parse(read("deploy/grafana/orders.json")) as {
    panels: { type: string; targets?: { expr: string }[] }[];
  };
  const { groups } = parse(read("deploy/prometheus/alerts.yml")) as { groups: { rules: { expr: string }[] }[] };
  const queries = [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
  ];
  expect(queries.length).toBeGreaterThan(40);
  const known = sampleNames();
  for (const query of queries) {
    const names = namesIn(query);
    expect({ query, names: names.length }).not.toEqual({ query, names: 0 });
    expect({ query, unknown: names.filter((name) => !known.has(name)) }).toEqual({ query, unknown: [] });
  }
  // And the other way round: whatever is measured can be seen.
  const shown = new Set(queries.flatMap(namesIn).map((name) => name.replace(/_(bucket|sum|count)$/, "")));
  const unseen = [...ownMetrics(scraped.ingestor), ...ownMetrics(scraped.reader)].filter(
    ([name = ""]) => !shown.has(name),
  );
  expect(unseen).toEqual([]);
});

test("a name in a query is told from its functions, labels and ranges", () => {
  expect(namesIn('sum by (le) (rate(a_total{b="c"}[5m])) / max(d_seconds) > 0.5 and up == 1')).toEqual([
    ...["a_total", "d_seconds", "up"],
  ]);
});

test("promtool, where it is installed, finds nothing in the rules and in what is scraped", () => {
  const promtool = (args: string[], input = "") => spawnSync("promtool", args, { input, encoding: "utf8" });
  if (promtool(["--version"]).error) return;
  const rules = promtool(["check", "config", join(projectRoot(), "deploy/prometheus/prometheus.yml")]);
  expect(rules).toMatchObject({ status: 0 });
  for (const text of Object.values(scraped)) {
    // Of our own: Node's have names of other conventions.
    const complaints = promtool(["check", "metrics"], text).stderr.split("\n");
    expect(complaints.filter((line) => line.startsWith("orders_"))).toEqual([]);
  }
});
