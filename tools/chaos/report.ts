import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, totalmem } from "node:os";
import { projectRoot } from "../../runtime/project-root";
import { failureCounts, faultsOf, isGood, missingParts, type RunResult } from "./result";

/** A run in a line, as soon as it is over. */
export function describeRun(result: RunResult): string {
  const counted = failureCounts.filter((name) => result[name] > 0).map((name) => `${name} ${result[name]}`);
  const wrong = [...counted, ...missingParts(result)];
  return [
    `seed ${result.seed}: ${wrong.length > 0 ? `NOT ok, ${wrong.join(", ")}` : "ok"}`,
    `${number(result.orders)} orders, ${number(result.poison)} poison, ${faultsOf(result)} faults`,
    `longest stall ${seconds(result.longestStallMs)} s, level after ${seconds(result.recoveredMs)} s`,
  ].join("; ");
}

const columns: readonly [string, (result: RunResult) => string | number][] = [
  ["seed", ({ seed }) => seed],
  ["seconds", ({ seconds }) => seconds],
  ["orders", ({ orders }) => number(orders)],
  ["poison", ({ poison }) => number(poison)],
  ["faults", (result) => faultsOf(result)],
  ["lost", ({ lost }) => lost],
  ["twice", ({ twice }) => twice],
  ["wrong bytes", ({ wrongBytes }) => wrongBytes],
  ["false 404", ({ false404 }) => false404],
  ["DLQ missing", ({ dlqMissing }) => dlqMissing],
  ["DLQ extra", ({ dlqExtra }) => dlqExtra],
  ["other", (result) => failureCounts.slice(OTHERS).reduce((sum, name) => sum + result[name], 0)],
  ["redelivered", ({ redelivered }) => redelivered],
  ["longest stall", ({ longestStallMs }) => `${seconds(longestStallMs)} s`],
];
/** `unread` and what follows it have no column of their own. */
const OTHERS = failureCounts.indexOf("unread");

/** All runs as a table for a terminal, with a sentence. */
export function describeRuns(results: readonly RunResult[]): string {
  const rows = [columns.map(([name]) => name), ...results.map(cellsOf)];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join("  "));
  const bad = results.filter((result) => !isGood(result)).length;
  return `${lines.join("\n")}\n${bad === 0 ? "ok: nothing lost, nothing twice, nothing wrong" : `NOT ok: ${bad} of ${results.length} runs`}\n`;
}

const END_OF_TABLE = "<!-- chaos runs: end -->";

/**
 * Appends a run to the table of docs/chaos.md, with the commit and the machine that it ran on.
 *
 * @throws Error when the file has no such table
 */
export function recordRun(file: string, result: RunResult): void {
  const text = readFileSync(file, "utf8");
  if (!text.includes(END_OF_TABLE)) throw new Error(`${file} has no place for a run: ${END_OF_TABLE}`);
  const row = `| ${[...cellsOf(result), currentCommit(), describeMachine()].join(" | ")} |\n`;
  writeFileSync(
    file,
    text.replace(END_OF_TABLE, () => row + END_OF_TABLE),
  );
}

function cellsOf(result: RunResult): string[] {
  return columns.map(([, cell]) => String(cell(result)));
}

/** Short, and marked when what ran is not what was committed. */
function currentCommit(): string {
  const git = (...args: string[]): string =>
    spawnSync("git", args, { cwd: projectRoot(), encoding: "utf8" }).stdout?.trim() ?? "";
  const isChanged = git("status", "--porcelain", "--", ":!docs/chaos.md") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${isChanged ? " with changes" : ""}`;
}

function describeMachine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores, ${memory} GiB, Node ${process.versions.node}, load ${loadavg()[1]?.toFixed(1)}`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
