import stringWidth from "string-width";

/** What may be done to a column's cells where a table is wider than its terminal. */
export type Cut =
  /** Nothing: it is what the next command is given. */
  | "never"
  /** The end of its words. */
  | "words"
  /** Whole things of its list; the first stays. */
  | "list";

/** Between the things of a cell that is a list. */
export const LIST = ", ";

const GAP = "  ";
const CUT_OFF = "…";
/** Less of a cell tells nothing. */
const LEAST = 8;

/** How wide a stream's terminal is, in columns; undefined where it is none, and whatever is written may be of any length. */
export function widthOf({ isTTY, columns }: Pick<NodeJS.WriteStream, "isTTY" | "columns">): number | undefined {
  return isTTY && columns > 0 ? columns : undefined;
}

/**
 * A table for a terminal, the head being its first row.
 *
 * @param cuts what may be cut of each column, if the table is wider than `width` columns: the widest first
 * @param spare the columns that are left out where cutting is not enough, by their places: the least important first.
 *   What is neither cut nor left out makes a table as wide as it has to be.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  cuts: readonly Cut[] = [],
  width = Number.POSITIVE_INFINITY,
  spare: readonly number[] = [],
): string[] {
  const wanted = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => stringWidth(row[at] ?? ""))));
  const least = wanted.map((most, at) => leastOf(rows.slice(1), at, cuts[at] ?? "never", most));
  const room = width - GAP.length * (wanted.length - 1);
  const [first, ...others] = spare;
  if (first !== undefined && sum(least) > room) {
    const without = <T>(list: readonly T[]): T[] => list.filter((_, at) => at !== first);
    const shifted = others.map((at) => (at > first ? at - 1 : at));
    return alignColumns(rows.map(without), without(cuts), width, shifted);
  }
  const widths = shareOut(room, wanted, least);
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const shown = shortened(cell, widths[at] ?? 0, cuts[at] ?? "never");
        // The last column may be of any length.
        return at === row.length - 1 ? shown : shown + " ".repeat(Math.max(0, (widths[at] ?? 0) - stringWidth(shown)));
      })
      .join(GAP)
      .trimEnd(),
  );
}

function leastOf(rows: readonly (readonly string[])[], at: number, cut: Cut, most: number): number {
  if (cut === "never") return most;
  if (cut === "words") return Math.min(most, LEAST);
  const firsts = rows.map((row) => (row[at] ?? "").split(LIST));
  const least = firsts.map(([first = "", ...rest]) => stringWidth(first + (rest.length > 0 ? LIST + CUT_OFF : "")));
  return Math.min(most, Math.max(0, ...least));
}

/** Takes what is too much from the widest that can still give. */
function shareOut(room: number, wanted: readonly number[], least: readonly number[]): number[] {
  const widths = [...wanted];
  for (let over = sum(widths) - room; over > 0; over--) {
    const giving = widths.map((each, at) => (each > (least[at] ?? 0) ? each : 0));
    const widest = Math.max(...giving);
    if (widest <= 0) break;
    widths[giving.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function shortened(cell: string, width: number, cut: Cut): string {
  if (cut === "never" || stringWidth(cell) <= width) return cell;
  return cut === "list" && cell.includes(LIST) ? shortenList(cell.split(LIST), width) : shortenWords(cell, width);
}

function shortenList(things: readonly string[], width: number): string {
  for (let count = things.length - 1; count > 1; count--) {
    const shown = [...things.slice(0, count), CUT_OFF].join(LIST);
    if (stringWidth(shown) <= width) return shown;
  }
  return [things[0], CUT_OFF].join(LIST);
}

/** Cut between what a reader sees as characters. */
function shortenWords(cell: string, width: number): string {
  let shown = "";
  for (const { segment } of new Intl.Segmenter().segment(cell)) {
    if (stringWidth(shown + segment + CUT_OFF) > width) break;
    shown += segment;
  }
  return shown + CUT_OFF;
}
