import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { readSettings } from "../runtime/settings";
import { type BenchDatabase, createBenchDatabase } from "./bench/bench-database";
import { benchBoot } from "./bench/boot";
import { benchFreshness } from "./bench/freshness";
import { benchGrowth } from "./bench/growth";
import { benchIdle } from "./bench/idle";
import { benchIngest } from "./bench/ingest";
import { benchLatency } from "./bench/latency";
import { describeMachine } from "./bench/machine";
import { benchMemory } from "./bench/memory";
import { type BenchName, type BenchOptions, readOptions } from "./bench/options";
import { drawPlot, type Plot } from "./bench/plot";
import { benchPoison } from "./bench/poison";
import { benchReads } from "./bench/reads";
import { benchRecovery } from "./bench/recovery";
import { describe, pictureOf, plotFile, writePart } from "./bench/report";
import { type Measured, rowOf } from "./bench/result";
import { loadLocalEnv } from "./local-env";
import { print, runCommand } from "./run-command";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What Orders can do on this machine, beside references. `npm run bench -- --help` tells the rest. */
runCommand(async (args) => {
  const options = readOptions(args);
  const machine = describeMachine();
  const measured = await measure(options);
  const text = describe(machine, measured);
  if (options.write) writeReport(options.name, text, measured.plot);
  if (!options.json) {
    await print(text);
    return 0;
  }
  say(text);
  const rows = Object.fromEntries(measured.series.map((series) => [series.name, rowOf(series)]));
  await print(`${JSON.stringify({ bench: options.name, machine, rows, goals: measured.goals })}\n`);
  return 0;
}, "what was measured is not kept; the same command begins anew");

function writeReport(bench: BenchName, text: string, plot: Plot | undefined): void {
  const docs = join(projectRoot(), "docs");
  if (plot) writeFileSync(join(docs, plotFile(bench)), drawPlot(plot));
  writePart(join(docs, "stress-test.md"), bench, (plot ? pictureOf(bench, plot) : "") + text);
}

async function measure(options: BenchOptions): Promise<Measured> {
  if (options.name === "recovery") return benchRecovery({ ...options, awaySeconds: options.away, say });
  if (options.name === "idle") return benchIdle({ ...options, say });
  return measureBesideSystem(options);
}

/** All others work beside the system that runs here. */
async function measureBesideSystem({ name, ...options }: BenchOptions): Promise<Measured> {
  loadLocalEnv();
  const { DATABASE_URL: ownerUrl } = readSettings(["DATABASE_URL"]);
  const databases: BenchDatabase[] = [];
  const openDatabase = async (): Promise<BenchDatabase> => {
    const database = await createBenchDatabase(ownerUrl);
    databases.push(database);
    return database;
  };
  const dropAll = (): Promise<unknown> => Promise.all(databases.splice(0).map(({ drop }) => drop()));
  try {
    if (name === "growth") return await benchGrowth({ ...options, openDatabase, say });
    const database = await openDatabase();
    if (name === "boot") return await benchBoot({ ...options, database, say });
    if (name === "latency") return await benchLatency({ ...options, database, say });
    if (name === "ingest") return await benchIngest({ ...options, database, say });
    if (name === "poison") return await benchPoison({ ...options, database, say });
    if (name === "memory") return await benchMemory({ ...options, awaySeconds: options.away, database, say });
    if (name === "freshness") return await benchFreshness({ ...options, database, say });
    await database.fillTo(options.orders);
    return await benchReads({ ...options, databaseUrl: database.url, say });
  } finally {
    await dropAll();
  }
}
