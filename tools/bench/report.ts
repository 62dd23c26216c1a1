import { readFileSync, writeFileSync } from "node:fs";
import { inWords, type Plot } from "./plot";
import { type Measured, ratioOf, rounded, rowOf } from "./result";

/** A plot's file, beside the report. */
export const plotFile = (bench: string): string => `bench-${bench}.svg`;

/** A plot's place in the report, with its numbers in words. */
export function pictureOf(bench: string, plot: Plot): string {
  return `![${inWords(plot).replaceAll(/[[\]]/g, "")}](${plotFile(bench)})\n\n`;
}

/** The result as a table for people, in Markdown. */
export function describe(machine: string, { series, goals, leftOut }: Measured): string {
  const rows = series.map((each) => {
    const { median, min, max, unit } = rowOf(each);
    const ratio = each.reference === undefined ? undefined : ratioOf(series, each.name, each.reference);
    const spread = `${shown(min)} to ${shown(max)}`;
    return `| ${each.name} | ${shown(median)} ${unit} | ${spread} | ${ratio === undefined ? "" : rounded(ratio)} |`;
  });
  const goalRows = goals.map(
    ({ goal, value, bar, met }) => `| ${goal} | ${value} | ${bar} | ${met ? "met" : "missed"} |`,
  );
  return [
    ...[`Measured on ${machine}.`, ""],
    ...["| | median | spread | ratio |", "|---|---|---|---|", ...rows, ""],
    ...(goals.length > 0 ? ["| goal | value | bar | |", "|---|---|---|---|", ...goalRows, ""] : []),
    ...leftOut.map((reason) => `Left out: ${reason}.\n`),
  ].join("\n");
}

/**
 * Puts a text between a bench's markers, and leaves the rest of the file to its authors.
 *
 * @throws Error when the file has no such markers
 */
export function writePart(path: string, bench: string, text: string): void {
  const [begin, end] = [`<!-- bench ${bench}: begin -->`, `<!-- bench ${bench}: end -->`];
  const whole = readFileSync(path, "utf8");
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for the result: ${begin} … ${end}`);
  writeFileSync(path, `${whole.slice(0, from + begin.length)}\n${text.trim()}\n${whole.slice(to)}`);
}

function shown(value: number): string {
  return rounded(value).toLocaleString("en");
}
