import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

/** A process of the chaos itself, which ends with its parent, whatever becomes of that. */
export interface Helper {
  tell(word: string): void;
  /** The next message. @throws Error when it has not come in time, or the helper has ended */
  answer<T>(limitMs: number): Promise<T>;
  /** @throws Error when it has not ended by itself, with 0, in time */
  ended(limitMs: number): Promise<void>;
  kill(): void;
}

export function startHelper(
  name: "publisher" | "asker",
  args: readonly string[],
  { env, logFile }: { env: NodeJS.ProcessEnv; logFile: string },
): Helper {
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [join(__dirname, `${name}-main.js`), ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const within = async <T>(limitMs: number, what: string, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the ${name} did not ${what} within ${limitMs / 1_000} s`)), limitMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };
  return {
    tell: (word) => void child.send(word),
    answer: (limitMs) => within(limitMs, "answer", nextMessage(child, name, logFile)),
    ended: async (limitMs) => {
      if (child.exitCode === null && child.signalCode === null) await within(limitMs, "end", once(child, "exit"));
      if (child.exitCode !== 0) throw new Error(`the ${name} ended with ${child.exitCode}; ${logFile} says why`);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

async function nextMessage<T>(child: ChildProcess, name: string, logFile: string): Promise<T> {
  const [message, reason] = await Promise.race([
    once(child, "message").then(([message]) => [message as T, undefined] as const),
    once(child, "exit").then(([code]) => [undefined, `the ${name} ended with ${code}; ${logFile} says why`] as const),
  ]);
  if (reason !== undefined) throw new Error(reason);
  return message as T;
}
