import { alignColumns, type Cut } from "../align-columns";
import type { LetterStats } from "./count-letters";
import type { Letter, LetterHead } from "./find-letters";
import { printable, redactValue, showBytes } from "./redact";

/** How long ago in the largest unit that leaves a number to read. */
export function ago(time: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(time)) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** Columns that a narrow terminal does not get. */
const [LAST_HOUR, NEWEST] = [2, 5];
const [REPLAYS, FAILED, DELIVERY, OUTCOME] = [1, 2, 4, 5];

/** @param width the terminal's, in columns; undefined where it is none */
export function describeStats(stats: LetterStats, now: Date, width?: number): string {
  if (stats.letters === 0 || !stats.oldest || !stats.newest) return "no dead letters\n";
  const batches = stats.records > stats.letters ? ` (for ${stats.records} records)` : "";
  const waiting = stats.waitingSince ? `, the longest for ${ago(stats.waitingSince, now)}` : "";
  const lines = [
    `${stats.letters} ${stats.letters === 1 ? "dead letter" : "dead letters"}${batches}, ${stats.open} open: the first ${ago(stats.oldest, now)} ago, the last ${ago(stats.newest, now)} ago`,
    `${stats.lastHour} failures in the last hour, ${rateOf(stats)}`,
    `${stats.delivered} delivered, ${stats.waiting} waiting${waiting}, ${stats.refused} refused`,
    ...stats.refusals.map(({ refusal, letters }) => `  ${letters} × ${refusal}`),
    ...describeReplays(stats.replays),
    "",
    ...alignColumns(
      [
        ["letters", "open", "last hour", "reason", "path", "newest", "for example"],
        ...stats.causes.map(({ letters, open, lastHour, reason, path, newest, example, mistakes }) => [
          ...[letters, open, lastHour].map(String),
          ...[reason, printable(path), `${ago(newest, now)} ago`],
          `${printable(example)}${mistakes > 1 ? ` (${mistakes - 1} other first ${mistakes === 2 ? "mistake" : "mistakes"} in this group)` : ""}`,
        ]),
      ],
      ["never", "never", "never", "never", "never", "never", "words"],
      width,
      [LAST_HOUR, NEWEST],
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** A system that is younger than a day had fewer hours to fail in. */
function rateOf({ perHour, rateHours }: LetterStats): string {
  if (rateHours === 24) return `${perHour} an hour in the last day`;
  return rateHours === 1 ? "the first that there was" : `${perHour} an hour in all ${rateHours} h that there were`;
}

function describeReplays({ stored, failedAgain, duplicate, unknown }: LetterStats["replays"]): string[] {
  const outcomes = [
    [stored, "stored"],
    [failedAgain, "failed again"],
    [duplicate, "duplicates"],
    [unknown, "of unknown outcome"],
  ] as const;
  const all = outcomes.reduce((sum, [count]) => sum + count, 0);
  const told = outcomes.flatMap(([count, words]) => (count > 0 ? [`${count} ${words}`] : []));
  return all === 0 ? [] : [`${all} ${all === 1 ? "was" : "were"} brought back: ${told.join(", ")}`];
}

/** On a terminal with the age instead of the time, which is as long as a mistake. @param width as of `describeStats` */
export function describeList(
  {
    letters,
    matched,
    all,
  }: { readonly letters: readonly LetterHead[]; readonly matched: number; readonly all: number },
  now: Date,
  width?: number,
): string {
  if (all === 0) return "no dead letters\n";
  if (matched === 0) return `no dead letter matches (${all} in all)\n`;
  const rows = letters.map((letter) => [
    ...[letter.id, String(letter.replays), width ? `${ago(letter.failedAt, now)} ago` : letter.failedAt],
    ...[letter.reason, deliveryOf(letter), wordsOf(letter)],
    printable(letter.errors[0] ?? ""),
  ]);
  const more = matched > letters.length ? [`and ${matched - letters.length} older ones (--limit N shows more)`] : [];
  const head = [
    "x-dlq-id",
    "replays",
    width ? "failed" : "failed at",
    "reason",
    "delivery",
    "outcome",
    "first mistake",
  ];
  const cuts: readonly Cut[] = ["never", "never", "never", "never", "words", "words", "words"];
  return `${[...alignColumns([head, ...rows], cuts, width, [REPLAYS, OUTCOME, DELIVERY, FAILED]), ...more].join("\n")}\n`;
}

/** What is shown of a letter, and what `--json` has; nothing of its content in clear, unless it is to be shown in full. */
export function viewOf(letter: Letter, isFull: boolean) {
  const { key, value, headers, ...head } = letter;
  const show = (bytes: Buffer | null): string | null => {
    if (bytes === null) return null;
    return isFull ? showBytes(bytes) : `<${bytes.length} bytes>`;
  };
  return {
    ...head,
    key: show(key),
    headers: headers.map((header) => ({ name: showBytes(header.key), value: show(header.value) })),
    bytes: value?.length ?? null,
    value: value && (isFull ? showBytes(value) : redactValue(value)),
  };
}

export function describeLetter(letter: Letter, isFull: boolean): string {
  const view = viewOf(letter, isFull);
  const range = letter.records > 1 ? ` and on to offset ${view.lastOffset}: ${view.records} records` : "";
  const size = view.bytes === null ? "none: a tombstone, or a batch that could not be decoded" : `${view.bytes} bytes`;
  return [
    `x-dlq-id   ${view.id}${range}`,
    ...(view.replays > 0 ? [`replays    ${view.replays}, the last one failed at offset ${view.offset}`] : []),
    `outbox     row ${view.outboxId}, ${deliveryOf(view)}, ${view.attempts === 1 ? "1 attempt" : `${view.attempts} attempts`}`,
    `outcome    ${wordsOf(view)}`,
    `failed at  ${view.failedAt}`,
    `published  ${timeOf(view.timestamp)}`,
    `reason     ${view.reason}`,
    ...view.errors.map((error) => `           ${printable(error)}`),
    `key        ${view.key ?? "none"}`,
    ...view.headers.map(({ name, value }) => `header     ${name}: ${value ?? "null"}`),
    `value      ${size}${isFull || view.bytes === null ? "" : ", masked:"}`,
    ...(view.value === null ? [] : [view.value]),
    "",
  ].join("\n");
}

/** Producers may write any number. */
function timeOf(timestamp: number): string {
  const time = new Date(timestamp);
  if (timestamp === -1) return "without a time";
  return Number.isNaN(time.getTime()) ? `at ${timestamp} ms after 1970` : time.toISOString();
}

function deliveryOf({ delivery, refusal, attempts }: LetterHead): string {
  if (delivery === "refused") return `refused: ${refusal}`;
  return delivery === "waiting" && attempts > 1 ? `waiting (${attempts} attempts)` : delivery;
}

function wordsOf({ outcome }: LetterHead): string {
  return outcome.replace("-", " ");
}
