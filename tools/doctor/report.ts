import { alignColumns } from "../align-columns";
import type { Finding } from "./finding";

export interface DoctorResult {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

export function resultOf(findings: readonly Finding[]): DoctorResult {
  return { ok: findings.every(({ state }) => state !== "unwell"), findings };
}

const marks = { well: "✓", unwell: "✗", "not-asked": "·" } as const;

/** The result for a person: a line a finding, below what is not well its mend, and a sentence. */
export function describe({ ok, findings }: DoctorResult): string {
  const rows = alignColumns(findings.map(({ check, state, what }) => [marks[state], check, what]));
  const lines = findings.flatMap((finding, at) => {
    const row = rows[at] ?? "";
    return finding.state === "unwell" ? [row, `${" ".repeat(row.indexOf(finding.what))}→ ${finding.mend}`] : [row];
  });
  const wrong = findings.filter(({ state }) => state === "unwell").length;
  const verdict = ok ? "all is well" : wrong === 1 ? "1 thing is not well" : `${wrong} things are not well`;
  return `${[...lines, "", verdict].join("\n")}\n`;
}
