import { alignColumns, LIST } from "../align-columns";
import { printable } from "../dlq/redact";
import type { ProgressText } from "../progress";
import { firstPathOf, type Letter } from "./letter";
import { type Decision, type Stay, type StayingLetter, staying } from "./sift";

export interface ReplayResult {
  readonly dryRun: boolean;
  /** Whether it came to the end of what was meant, and `matched` counts all of it. */
  readonly whole: boolean;
  /** Records of the dead-letter topic, up to where it ended. */
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
  records: number;
  /** Of the first ones. */
  readonly examples: string[];
}

/** A path may repeat a key of a document, so there may be any number of them. */
const MOST_GROUPS = 500;
const EXAMPLES = 3;
/** The column that a narrow terminal does not get. */
const FOR_EXAMPLE = 4;
/** Causes for which letters could not be handled as they should are told; the letters of more are only counted. */
const MOST_NAMED = 20;
/** These are nobody's fault and expected, whatever their number; the others are told with an example. */
const unnamed: ReadonlySet<Stay> = new Set([
  "copy",
  "replayed-before",
  "made-in-vain",
  "in-hand",
  "would-fail-again",
  "too-many-replays",
]);

/** Counts what happens to the letters: by reason and first path, with examples, and without a word of their content. */
export class Report {
  readonly #groups = new Map<string, Group>();
  readonly #skipped: Partial<Record<Stay, number>> = {};
  /** By what is wrong with them. */
  readonly #named = new Map<string, { readonly first: string; more: number }>();
  #lookedThrough = 0;
  #matched = 0;
  #ready = 0;
  #unnamedCount = 0;

  /** @param isPart whether only some offsets of the topic were meant, so that the others' letters are not known of */
  constructor(
    private readonly isDryRun: boolean,
    private readonly isPart: boolean,
  ) {}

  /** So many dead letters were come to, whether they are meant or not. */
  lookThrough(letters: number): void {
    this.#lookedThrough += letters;
  }

  add(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      this.#matched++;
      this.#count(decision.letter, this.#fateOf(decision));
      if (decision.kind === "stays") this.#skip(decision);
      if (decision.kind === "ready") this.#ready++;
    }
  }

  get matched(): number {
    return this.#matched;
  }

  /** Those that were, or would be, sent by this run itself. */
  get ready(): number {
    return this.#ready;
  }

  get skipped(): Readonly<Partial<Record<Stay, number>>> {
    return this.#skipped;
  }

  /** Whether some stay for another cause than that they should. */
  get hasTrouble(): boolean {
    return (["edit-failed", "refused-by-kafka", "outcome-unknown"] as const).some((why) => this.#skipped[why]);
  }

  /** The letters that could not be handled, those of one cause in one line. */
  names(): string[] {
    const lines = [...this.#named].map(([why, { first, more }]) => {
      return `stays: ${first}${more > 0 ? ` and ${more.toLocaleString("en")} more` : ""}: ${why}`;
    });
    return this.#unnamedCount > 0 ? [...lines, `and ${this.#unnamedCount} more that stay for other causes`] : lines;
  }

  /** @param width the terminal's, in columns; undefined where it is none */
  table(width?: number): string[] {
    if (this.#groups.size === 0) {
      const all = this.#lookedThrough;
      if (all === 0) return [this.isPart ? "no dead letters at these offsets" : "no dead letters"];
      return [`no dead letter matches (${all.toLocaleString("en")} looked through)`];
    }
    const groups = [...this.#groups.values()].sort((a, b) => b.records - a.records);
    return alignColumns(
      [
        ["records", "reason", "path", "what", "for example (offset in the dead-letter topic)"],
        ...groups.map(({ records, reason, path, fate, examples }) => [
          ...[records.toLocaleString("en"), reason, printable(path), printable(fate), examples.join(LIST)],
        ]),
      ],
      ["never", "never", "never", "words", "list"],
      width,
      [FOR_EXAMPLE],
    );
  }

  #fateOf(decision: Decision): string {
    if (decision.kind !== "stays") return this.isDryRun ? "would be sent" : "sent again";
    // A run that sends has asked before whether the other one is still alive.
    const isUnasked = this.isDryRun && decision.why === "in-hand";
    return `${fateOf(decision)}${isUnasked ? ", or was interrupted (--go finds out)" : ""}`;
  }

  #count(letter: Letter, fate: string): void {
    const { reason, errors } = letter.info;
    const path = firstPathOf(errors);
    const isFull = this.#groups.size >= MOST_GROUPS;
    const key = [reason, path, fate].join(" ");
    const group = this.#groups.get(key) ?? this.#open(isFull ? [reason, "(others)", "(others)"] : [reason, path, fate]);
    group.records++;
    if (group.examples.length < EXAMPLES) group.examples.push(`${printable(letter.info.id)} (${letter.dlqOffset})`);
  }

  #open([reason, path, fate]: [string, string, string]): Group {
    const key = [reason, path, fate].join(" ");
    const group = this.#groups.get(key) ?? { reason, path, fate, records: 0, examples: [] };
    this.#groups.set(key, group);
    return group;
  }

  #skip({ letter, why, detail }: StayingLetter): void {
    this.#skipped[why] = (this.#skipped[why] ?? 0) + 1;
    if (unnamed.has(why)) return;
    const cause = `${staying[why]}${tail(detail)}`;
    const named = this.#named.get(cause);
    if (named) named.more++;
    else if (this.#named.size >= MOST_NAMED) this.#unnamedCount++;
    else this.#named.set(cause, { first: `${printable(letter.info.id)} (${letter.dlqOffset})`, more: 0 });
  }
}

function fateOf({ why, detail }: StayingLetter): string {
  if (why === "edit-failed") return `stays: ${staying[why]} failed`;
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

const BAR = 24;

/** How far it is: the offsets come to, and what was found for sending. */
export function describeProgress(done: bigint, total: bigint, ready: number, word: string): ProgressText {
  const filled = total === 0n ? BAR : Number((BigInt(BAR) * done) / total);
  const bar = `[${"#".repeat(filled)}${" ".repeat(BAR - filled)}] `;
  const text = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} offsets, ${ready.toLocaleString("en")} ${word}`;
  return { bar, text };
}
