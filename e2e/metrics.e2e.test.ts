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

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly mappings?: readonly { readonly options: unknown }[] } };
}

const { panels } = JSON.parse(read("deploy/grafana/orders.json")) as { panels: readonly Panel[] };
const { groups } = parse(read("deploy/prometheus/alerts.yml")) as { groups: { rules: { expr: string }[] }[] };
const queries = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
];

test("every query of the dashboard and of the alerts asks for metrics that exist", () => {
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

/** The values of each label of each metric, as they are scraped, and as Prometheus adds them. */
function seenLabels(): Map<string, Map<string, Set<string>>> {
  const seen = new Map<string, Map<string, Set<string>>>();
  const { scrape_configs } = parse(read("deploy/prometheus/prometheus.yml")) as {
    scrape_configs: { job_name: string }[];
  };
  const jobs = new Set(scrape_configs.map(({ job_name }) => job_name));
  for (const name of sampleNames())
    seen.set(
      name,
      new Map([
        ["job", jobs],
        ["instance", new Set()],
      ]),
    );
  const lines = `${scraped.ingestor}\n${scraped.reader}`.matchAll(/^(\w+)\{(.*)\} \S+$/gm);
  for (const [, name = "", labels = ""] of lines) {
    for (const [label, value] of labelsIn(labels)) {
      const values = seen.get(name)?.get(label) ?? new Set();
      seen.get(name)?.set(label, values.add(value));
    }
  }
  return seen;
}

const labelsIn = (text: string): [string, string][] =>
  [...text.matchAll(/(\w+)=~?"([^"]*)"/g)].map(([, label = "", value = ""]) => [label, value]);

// Fails when a label or one of its values is renamed: a query for the former one would be empty, and its alert silent.
test("every label that a query asks for is one of its metric, and so is its value", () => {
  const seen = seenLabels();
  for (const query of queries) {
    for (const [, name = "", matchers = ""] of query.matchAll(/(\w+)\{([^}]*)\}/g)) {
      for (const [label, value] of labelsIn(matchers)) {
        const values = seen.get(name)?.get(label);
        // Of an answer that did not come up here it is enough that the label is right.
        const isKnown =
          label === "status" ? values : [...(values ?? [])].some((each) => new RegExp(`^(${value})$`).test(each));
        expect({ query, label, value, isKnown: Boolean(isKnown) }).toEqual({ query, label, value, isKnown: true });
      }
    }
    const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(", "));
    const unknown = grouped.filter((label) => !namesIn(query).every((name) => seen.get(name)?.has(label)));
    expect({ query, unknown }).toEqual({ query, unknown: [] });
  }
});

/** What a query's numbers count: a metric's own unit, or how many a second. */
function unitOf(query: string): string {
  const [name = ""] = namesIn(query);
  const isPerSecond = query.includes("rate(") && !/histogram_quantile| \/ /.test(query);
  return `${name
    .replace(/_(bucket|sum|count|total)$/, "")
    .split("_")
    .at(-1)}${isPerSecond ? " a second" : ""}`;
}

test("a panel shows one unit, names its lines by labels that there are, and a yes or no in words", () => {
  for (const { title, type, targets = [], fieldConfig } of panels) {
    if (type === "timeseries") {
      const units = [...new Set(targets.map(({ expr }) => unitOf(expr)))];
      expect({ title, units }).toEqual({ title, units: [expect.any(String)] });
    }
    for (const { expr, legendFormat = "" } of targets) {
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? [];
      expect({ title, named: named.filter((label) => !grouped.includes(label)) }).toEqual({ title, named: [] });
    }
    const isYesOrNo = targets.some(({ expr }) => /\b(up|\w+_(outage|live|listening))\b/.test(expr));
    const words = JSON.stringify(fieldConfig?.defaults.mappings ?? []);
    if (isYesOrNo) expect({ title, words }).toEqual({ title, words: expect.stringMatching(/"0":.*"1":/) });
  }
});

test("a name in a query is told from its functions, labels and ranges", () => {
  expect(namesIn('sum by (le) (rate(a_total{b="c"}[5m])) / max(d_seconds) > 0.5 and up == 1')).toEqual([
    ...["a_total", "d_seconds", "up"],
  ]);
});

test("each alert has a test of when it fires, and is silent where all is bearable", () => {
  const rules = parse(read("deploy/prometheus/alerts.yml")) as { groups: { rules: { alert: string }[] }[] };
  const { tests } = parse(read("deploy/prometheus/alerts.test.yml")) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
  };
  const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  const tested = tests.flatMap(({ alert_rule_test }) => alert_rule_test.filter((each) => each.exp_alerts?.length));
  expect(tested.map(({ alertname }) => alertname)).toEqual(alerts);
  expect(tests.at(-1)?.alert_rule_test).toEqual(alerts.map((alertname) => ({ alertname, eval_time: "60m" })));
});

test("promtool, where it is installed, finds nothing in the rules and in what is scraped, and each alert fires", () => {
  const promtool = (args: string[], input = "") => spawnSync("promtool", args, { input, encoding: "utf8" });
  if (promtool(["--version"]).error) return;
  const rules = promtool(["check", "config", join(projectRoot(), "deploy/prometheus/prometheus.yml")]);
  expect(rules).toMatchObject({ status: 0 });
  const fired = promtool(["test", "rules", join(projectRoot(), "deploy/prometheus/alerts.test.yml")]);
  expect({ status: fired.status, said: fired.stdout + fired.stderr }).toMatchObject({ status: 0 });
  for (const text of Object.values(scraped)) {
    // Of our own: Node's have names of other conventions.
    const complaints = promtool(["check", "metrics"], text).stderr.split("\n");
    expect(complaints.filter((line) => line.startsWith("orders_"))).toEqual([]);
  }
});
