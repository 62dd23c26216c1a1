import { printable } from "../dlq/redact";
import { firstPathOf, type Letter } from "./letter";
import { type Decision, type Stay, type StayingLetter, staying } from "./sift";

export interface ReplayResult {
  readonly dryRun: boolean;
  readonly matched: number;
  readonly sent: number;
  readonly stored: number;
  readonly failedAgain: number;
  readonly duplicate: number;
  readonly skipped: Readonly<Partial<Record<Stay, number>>>;
}

/** What happens to letters of one reason and first path. */
interface Group {
  readonly reason: string;
  readonly path: string;
  readonly fate: string;
  letters: number;
  /** Of the first ones. */
  readonly examples: string[];
}

/** A path may repeat a key of a document, so there may be any number of them. */
const MOST_GROUPS = 500;
const EXAMPLES = 3;
/** Letters that could not be handled as they should are named; more than these are told by their count. */
const MOST_NAMED = 20;
/** These are nobody's fault and expected, whatever their number; the others are named one by one. */
const unnamed: ReadonlySet<Stay> = new Set([
  "copy",
  "replayed-before",
  "in-hand",
  "would-fail-again",
  "too-many-replays",
]);

/** Counts what happens to the letters: by reason and first path, with examples, and without a word of their content. */
export class Report {
  readonly #groups = new Map<string, Group>();
  readonly #skipped: Partial<Record<Stay, number>> = {};
  readonly #named: string[] = [];
  #matched = 0;
  #unnamedCount = 0;

  constructor(private readonly sendWord: string) {}

  add(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      this.#matched++;
      this.#count(decision.letter, decision.kind === "stays" ? fateOf(decision) : this.sendWord);
      if (decision.kind === "stays") this.#skip(decision);
    }
  }

  get matched(): number {
    return this.#matched;
  }

  get skipped(): Readonly<Partial<Record<Stay, number>>> {
    return this.#skipped;
  }

  /** Whether some stay for another cause than that they should. */
  get hasTrouble(): boolean {
    return (["edit-failed", "refused-by-kafka", "outcome-unknown"] as const).some((why) => this.#skipped[why]);
  }

  /** The letters that could not be handled, one a line. */
  names(): string[] {
    const more = this.#unnamedCount > 0 ? [`and ${this.#unnamedCount} more that stay like these`] : [];
    return [...this.#named, ...more];
  }

  table(): string[] {
    if (this.#groups.size === 0) return ["no dead letters"];
    const groups = [...this.#groups.values()].sort((a, b) => b.letters - a.letters);
    return alignColumns([
      ["letters", "reason", "path", "what", "for example (offset in the dead-letter topic)"],
      ...groups.map(({ letters, reason, path, fate, examples }) => [
        ...[letters.toLocaleString("en"), reason, printable(path), printable(fate), examples.join(", ")],
      ]),
    ]);
  }

  #count(letter: Letter, fate: string): void {
    const { reason, errors } = letter.info;
    const path = firstPathOf(errors);
    const isFull = this.#groups.size >= MOST_GROUPS;
    const key = [reason, path, fate].join(" ");
    const group = this.#groups.get(key) ?? this.#open(isFull ? [reason, "(others)", "(others)"] : [reason, path, fate]);
    group.letters++;
    if (group.examples.length < EXAMPLES) group.examples.push(`${printable(letter.info.id)} (${letter.dlqOffset})`);
  }

  #open([reason, path, fate]: [string, string, string]): Group {
    const key = [reason, path, fate].join(" ");
    const group = this.#groups.get(key) ?? { reason, path, fate, letters: 0, examples: [] };
    this.#groups.set(key, group);
    return group;
  }

  #skip({ letter, why, detail }: StayingLetter): void {
    this.#skipped[why] = (this.#skipped[why] ?? 0) + 1;
    if (unnamed.has(why)) return;
    if (this.#named.length >= MOST_NAMED) this.#unnamedCount++;
    else this.#named.push(`stays: ${printable(letter.info.id)} (${letter.dlqOffset}): ${staying[why]}${tail(detail)}`);
  }
}

function fateOf({ why, detail }: StayingLetter): string {
  // The place of a conflict's other order would make each a group of its own; what is wrong now is told by its path.
  const now =
    why === "would-fail-again" && detail
      ? `: ${detail.split(" ", 1)[0]} ${firstPathOf(detail.slice(detail.indexOf(" ") + 1))}`
      : "";
  return `stays: ${staying[why]}${now}`;
}

function tail(detail: string | undefined): string {
  return detail === undefined ? "" : ` ${printable(detail)}`;
}

/** The last column may be of any length. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

const EVERY_MS = { terminal: 200, file: 5_000 };
const BAR = 24;

/** Says how far it is: on a terminal by a bar, elsewhere in a line now and then. */
export class Progress {
  #shownAt = performance.now();
  #isShown = false;

  constructor(private readonly err: NodeJS.WriteStream = process.stderr) {}

  show(done: bigint, total: bigint, ready: number, word: string): void {
    const now = performance.now();
    if (now - this.#shownAt < (this.err.isTTY ? EVERY_MS.terminal : EVERY_MS.file)) return;
    this.#shownAt = now;
    const filled = total === 0n ? BAR : Number((BigInt(BAR) * done) / total);
    const bar = `[${"#".repeat(filled)}${" ".repeat(BAR - filled)}] `;
    const text = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} offsets, ${ready.toLocaleString("en")} ${word}`;
    this.err.write(this.err.isTTY ? `\r${bar}${text}\u001b[K` : `${text}\n`);
    this.#isShown = this.err.isTTY;
  }

  say(text: string): void {
    this.clear();
    this.err.write(`${text}\n`);
  }

  clear(): void {
    if (this.#isShown) this.err.write("\r\u001b[K");
    this.#isShown = false;
  }
}
