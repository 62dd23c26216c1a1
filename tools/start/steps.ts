/** Shows what start-up is doing, with times, on standard error; standard output is for the processes' logs. */
export interface Steps {
  /** Runs a step and shows it with its time once it is done. What the work returns may complete the line. */
  step<T>(done: string | ((result: T) => string), work: () => Promise<T>): Promise<T>;
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
const CLEAR_LINE = "\r\u001b[K";

export function createSteps(screen: Screen = process.stderr): Steps {
  const colour = screen.isTTY && !process.env["NO_COLOR"];
  const tick = colour ? "\u001b[32m✓\u001b[0m" : "✓";
  let bar = "";
  // The bar stays the last line, whatever is said meanwhile.
  const write = (text: string): void => void screen.write(bar === "" ? text : `${CLEAR_LINE}${text}${bar}`);
  return {
    async step(done, work) {
      const start = performance.now();
      const result = await work();
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      write(`${tick} ${typeof done === "string" ? done : done(result)} (${seconds} s)\n`);
      return result;
    },
    say: (line) => write(`${line}\n`),
    progress(share, words = "") {
      if (!screen.isTTY) return;
      const filled = Math.round(Math.min(1, share ?? 0) * BAR_LENGTH);
      bar = share === undefined ? "" : `  [${"#".repeat(filled)}${".".repeat(BAR_LENGTH - filled)}] ${words}`;
      screen.write(`${CLEAR_LINE}${bar}`);
    },
  };
}

/** A condition that start-up cannot mend: told to people as it is, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
