/** Shows what start-up is doing, with times, on standard error; standard output is for the processes' logs. */
export interface Steps {
  /** Runs a step and shows it with its time once it is done. What the work returns may complete the line. */
  step<T>(done: string | ((result: T) => string), work: () => Promise<T>): Promise<T>;
  say(line: string): void;
}

export function createSteps(write: (text: string) => void = (text) => void process.stderr.write(text)): Steps {
  const colour = process.stderr.isTTY && !process.env["NO_COLOR"];
  const tick = colour ? "\u001b[32m✓\u001b[0m" : "✓";
  return {
    async step(done, work) {
      const start = performance.now();
      const result = await work();
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      write(`${tick} ${typeof done === "string" ? done : done(result)} (${seconds} s)\n`);
      return result;
    },
    say: (line) => write(`${line}\n`),
  };
}

/** A condition that start-up cannot mend: told to people as it is, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
