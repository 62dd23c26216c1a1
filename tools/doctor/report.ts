import { alignColumns } from "../align-columns";
import { wrapWords } from "../wrap-words";
import type { Finding } from "./finding";

export interface DoctorResult {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

export function resultOf(findings: readonly Finding[]): DoctorResult {
  return { ok: findings.every(({ state }) => state !== "unwell"), findings };
}

const marks = { well: "✓", unwell: "✗", "not-asked": "·" } as const;

/** Less of a line would be a word. */
const LEAST_COLUMNS = 24;

/**
 * The result for a person: a line a finding, below what is not well its mend, and a sentence. What was found is wrapped
 * to the terminal's width; a mend is left as it is, because it is copied.
 *
 * @param width of the terminal, in columns
 */
export function describe({ ok, findings }: DoctorResult, width = Number.POSITIVE_INFINITY): string {
  const heads = alignColumns(findings.map(({ check, state }) => [marks[state], check]));
  const indent = Math.max(0, ...heads.map((head) => head.length)) + 2;
  const below = `\n${" ".repeat(indent)}`;
  const lines = findings.map((finding, at) => {
    const what = wrapWords(finding.what, Math.max(LEAST_COLUMNS, width - indent)).join(below);
    const mend = finding.state === "unwell" ? `${below}→ ${finding.mend}` : "";
    return `${(heads[at] ?? "").padEnd(indent)}${what}${mend}`;
  });
  const wrong = findings.filter(({ state }) => state === "unwell").length;
  const verdict = ok ? "all is well" : wrong === 1 ? "1 thing is not well" : `${wrong} things are not well`;
  return `${[...lines, "", verdict].join("\n")}\n`;
}
