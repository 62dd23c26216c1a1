import type { PublishRecord } from "./batches";
import type { Outcome } from "./send-records";

/** More ids than this are a summary to a person. */
const FEW = 20;

const PROGRESS_EVERY_MS = 200;

/**
 * What a person and a program are told. Standard output has the result alone; everything else goes to standard error.
 * Ids are collected only as far as they will be told: with `--json` all of them, else the first few.
 */
export class Report {
  readonly #ids: string[] = [];
  readonly #began = performance.now();
  #sent = 0;
  #shownAt = 0;

  constructor(
    private readonly wish: { readonly json: boolean; readonly dryRun: boolean; readonly total: number },
    private readonly err: NodeJS.WriteStream = process.stderr,
  ) {}

  /** Counts the records that were acknowledged. */
  add(batch: readonly PublishRecord[]): void {
    this.#sent += batch.length;
    for (const { id, broken } of batch) {
      if (id !== undefined && !broken && (this.wish.json || this.#ids.length <= FEW)) this.#ids.push(id);
    }
    this.#showProgress();
  }

  say(text: string): void {
    this.#clearProgress();
    this.err.write(`${text}\n`);
  }

  /** Tells how it went: to standard error in words, and returns what belongs on standard output. */
  result({ sent, refused, ended }: Outcome): string {
    this.#clearProgress();
    const { json, dryRun, total } = this.wish;
    const seconds = (performance.now() - this.#began) / 1000;
    const done = dryRun ? "would be sent" : "acknowledged by all replicas";
    const summary = `${count(this.#sent)} of ${records(total)} ${done} in ${seconds.toFixed(1)} s (${count(Math.round(this.#sent / seconds))}/s)`;
    for (const { record, error } of refused) this.say(`not sent: ${nameOf(record)}: ${error.message}`);
    if (ended?.because === "outage") this.say(`gave up: ${ended.error.message}`);
    if (ended?.because === "stopped") this.say("stopped before the end");
    if (ended !== undefined) this.#nameUnsent(sent + refused.length, ended.because === "outage" ? ended.batch : []);
    if (json) {
      this.say(summary);
      return `${JSON.stringify({ ...(dryRun && { dryRun }), sent, failed: dryRun ? 0 : total - sent, ids: this.#ids })}\n`;
    }
    if (this.#ids.length === 0 || this.#ids.length > FEW) return `${summary}\n`;
    this.say(summary);
    return `${this.#ids.join("\n")}\n`;
  }

  #nameUnsent(from: number, batch: readonly PublishRecord[]): void {
    const { total } = this.wish;
    if (from >= total) return;
    const named = batch.slice(0, FEW);
    for (const record of named) this.say(`not acknowledged: ${nameOf(record)}`);
    const next = from + named.length;
    if (next < total) this.say(`not acknowledged: ${records(total - next)}, #${next} to #${total - 1}`);
  }

  #showProgress(): void {
    if (!this.err.isTTY || performance.now() - this.#shownAt < PROGRESS_EVERY_MS) return;
    this.#shownAt = performance.now();
    const rate = Math.round(this.#sent / ((this.#shownAt - this.#began) / 1000));
    this.err.write(`\r${count(this.#sent)} of ${count(this.wish.total)} (${count(rate)}/s)\u001b[K`);
  }

  #clearProgress(): void {
    if (this.#shownAt > 0) this.err.write("\r\u001b[K");
  }
}

function nameOf({ index, id }: PublishRecord): string {
  return id === undefined ? `#${index} (no id)` : `#${index} (${id})`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function records(number: number): string {
  return `${count(number)} ${number === 1 ? "record" : "records"}`;
}
