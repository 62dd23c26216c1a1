/** How far a tool is, and what stands before it on a terminal. */
export interface ProgressText {
  readonly bar: string;
  readonly text: string;
}

const EVERY_MS = { terminal: 200, file: 5_000 };

/** Says how far a tool is: on a terminal in one line that changes, elsewhere in a line now and then. */
export class Progress {
  #shownAt = performance.now();
  #isShown = false;

  constructor(private readonly err: NodeJS.WriteStream = process.stderr) {}

  show(describe: () => ProgressText): void {
    const now = performance.now();
    if (now - this.#shownAt < (this.err.isTTY ? EVERY_MS.terminal : EVERY_MS.file)) return;
    this.#shownAt = now;
    const { bar, text } = describe();
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
