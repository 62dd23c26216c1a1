/** Shows what start-up is doing, with times, on standard error; standard output is for the processes' logs. */
export interface Steps {
  /**
   * Runs a step and shows it with its time once it is done; on a terminal also that it is waited for, every second.
   *
   * @param done a sentence; what the work returns may complete it
   * @param until the sentence while it is not known yet
   */
  step<T>(done: string | ((result: T) => string), work: () => Promise<T>, until?: string): Promise<T>;
  say(line: string): void;
  /** Shows how far a long work is, on a terminal only: a share from 0 to 1 and words for it; nothing takes it away. */
  progress(share?: number, words?: string): void;
}

/** Where the steps are shown: a terminal redraws its last line. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

const BAR_LENGTH = 30;
/** Whoever waits longer sees how long, and for what. */
const TICK_MS = 1_000;
const CLEAR_LINE = "\r\u001b[K";
/** After a line that is redrawn: the processes write to the same terminal, and their lines then take its place. */
const TO_ITS_START = "\r";

export function createSteps(screen: Screen = process.stderr): Steps {
  const colour = screen.isTTY && !process.env["NO_COLOR"];
  const tick = colour ? "\u001b[32m✓\u001b[0m" : "✓";
  const isTerminal = screen.isTTY === true;
  let bar = "";
  let last = "";
  const waiting = new Map<symbol, { readonly until: string; readonly start: number }>();
  const waitingLine = (): string => {
    const [oldest] = waiting.values();
    if (oldest === undefined || performance.now() - oldest.start < TICK_MS) return "";
    return `  waiting until ${oldest.until} (${Math.floor((performance.now() - oldest.start) / 1000)} s)`;
  };
  // The bar, or what is waited for, stays the last line, whatever is said meanwhile.
  const write = (text: string): void => {
    const before = last;
    last = isTerminal ? bar || waitingLine() : "";
    if (text === "" && last === before) return;
    screen.write(`${before === "" ? "" : CLEAR_LINE}${text}${last}${last === "" ? "" : TO_ITS_START}`);
  };
  return {
    async step(done, work, until = typeof done === "string" ? done : "it is done") {
      const start = performance.now();
      const key = Symbol(until);
      waiting.set(key, { until, start });
      const ticking = isTerminal ? setInterval(() => write(""), TICK_MS) : undefined;
      const result = await work().finally(() => {
        clearInterval(ticking);
        waiting.delete(key);
        write("");
      });
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      write(`${tick} ${typeof done === "string" ? done : done(result)} (${seconds} s)\n`);
      return result;
    },
    say: (line) => write(`${line}\n`),
    progress(share, words = "") {
      if (!isTerminal) return;
      const filled = Math.round(Math.min(1, share ?? 0) * BAR_LENGTH);
      bar = share === undefined ? "" : `  [${"#".repeat(filled)}${".".repeat(BAR_LENGTH - filled)}] ${words}`;
      write("");
    },
  };
}

/** A condition that start-up cannot mend: told to people as it is, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
