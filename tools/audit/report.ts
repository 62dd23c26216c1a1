import { alignColumns } from "../align-columns";
import type { ProgressText } from "../progress";
import { type Difference, type Differences, differenceKinds } from "./differences";
import { describeEnded } from "./ended-lives";
import type { Audited, AuditedPartition } from "./run-audit";

export interface AuditResult extends Audited {
  readonly ok: boolean;
  readonly differences: readonly Difference[];
}

/** A gap is a loss, and what is not ingested has not been looked at: neither is ok, though neither is a difference. */
export function resultOf(audited: Audited, differences: Differences): AuditResult {
  const isComplete = audited.partitions.every(({ gap, lag }) => gap === 0 && (lag ?? 0) === 0);
  return { ok: isComplete && differences.total === 0, ...audited, differences: differences.kept };
}

const columns = ["epoch", "partition", "received", "stored", "duplicate", "dead", "gap", "lag"] as const;

/** What a narrow terminal does not get: the duplicates are the rest of what was received. */
const SPARE = [columns.indexOf("duplicate"), columns.indexOf("epoch")];

/** The result for a person: a line a partition, the differences, and a sentence. @param width the terminal's, in columns */
export function describe(
  { ok, partitions, endedLives, differences }: AuditResult,
  found: Differences,
  width?: number,
): string {
  const rows = partitions.map((partition) => columns.map((column) => partition[column]?.toLocaleString("en") ?? "-"));
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const table = [columns, ...rows].map((cells) => cells.map((cell, at) => cell.padStart(widths[at] ?? 0)));
  const named = differences.map(({ kind, at, detail }) => `${kind} ${at}: ${detail}`);
  return [
    ...alignColumns(table, [], width, SPARE),
    ...named,
    ...summarise(partitions, found, named.length),
    ...endedLives.map(describeEnded),
    verdictOf(ok),
    "",
  ].join("\n");
}

function summarise(partitions: readonly AuditedPartition[], found: Differences, named: number): string[] {
  const sum = (field: "gap" | "lag"): number => partitions.reduce((total, each) => total + (each[field] ?? 0), 0);
  const lines: string[] = [];
  if (found.total > named) lines.push(`and ${found.total - named} more differences (--differences N names more)`);
  for (const [kind, count] of found.counts) lines.push(`${count} × ${kind}: ${differenceKinds[kind]}`);
  if (sum("gap") > 0) lines.push(`${sum("gap")} offsets were deleted by Kafka before they were ingested`);
  if (sum("lag") > 0) lines.push(`${sum("lag")} records are not ingested yet: is the ingestor running?`);
  return lines;
}

function verdictOf(ok: boolean): string {
  return ok ? "ok: every record is accounted for" : "NOT ok";
}

/** How far the audit is. */
export function describeProgress(topic: string, done: bigint, total: bigint): ProgressText {
  const text = `${topic}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")} offsets compared`;
  return { bar: "", text };
}
