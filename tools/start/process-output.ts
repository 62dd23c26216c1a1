import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/**
 * What the processes write, on its way to where the supervisor writes. `held`: the start shows its own lines, and those
 * of the processes are kept for after them. → (it has succeeded or failed, or a process keeps it waiting or has ended)
 * `passed on`: in the order in which they came, each at once, for good.
 */
export interface ProcessOutput {
  /** Takes each line of this stream. Resolves at its end. */
  take(stream: Readable): Promise<void>;
  passOn(): void;
}

export function createProcessOutput(screen: Pick<Writable, "write" | "on"> = process.stdout): ProcessOutput {
  // Whoever reads it may go away (npm start | head); the system does not end by that.
  screen.on("error", () => {});
  let held: string[] | undefined = [];
  return {
    async take(stream) {
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on("line", (line) => {
        if (held) held.push(line);
        else screen.write(`${line}\n`);
      });
      await once(lines, "close");
    },
    passOn() {
      const lines = held ?? [];
      held = undefined;
      if (lines.length > 0) screen.write(`${lines.join("\n")}\n`);
    },
  };
}
