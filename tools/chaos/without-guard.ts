import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Guards of the product whose absence the chaos has to find: the text of each in the compiled programs, and the text that
 * takes its place. The programs themselves have no switch for this.
 */
const guards = {
  /** G2: a batch is stored only where the position is. */
  position: {
    file: "ingestor/store-batch.js",
    text: "if (nextOffset !== batch.from)",
    instead: "if (nextOffset === undefined)",
  },
  /** G5: dead letters whose job got lost are found. */
  sweep: {
    file: "ingestor/sweep.js",
    text: "look().then(lookLater)",
    instead: "Promise.resolve().then(lookLater)",
  },
  /** G7: orders whose notice got lost are read. */
  poll: {
    file: "reader/refresh.js",
    text: "setTimeout(resolve, (0, beat_1.untilBeat)(pollMs))",
    instead: "setTimeout(() => { }, pollMs)",
  },
} as const;

export type Guard = keyof typeof guards;
export const guardNames = Object.keys(guards) as Guard[];

/** What the two processes are made of. */
const PROGRAM_FOLDERS = ["ingestor", "reader", "prisma", "runtime"];

/**
 * Copies a build without one of its guards.
 *
 * @param folder replaced; it has to lie in the project, where the programs find their packages
 * @throws Error when the guard's text is not there exactly once: then the guard has been rewritten, and so must this
 */
export function copyWithout(guard: Guard, dist: string, folder: string): void {
  const { file, text, instead } = guards[guard];
  rmSync(folder, { recursive: true, force: true });
  for (const each of PROGRAM_FOLDERS) cpSync(join(dist, each), join(folder, each), { recursive: true });
  const source = readFileSync(join(folder, file), "utf8");
  const parts = source.split(text);
  if (parts.length !== 2) {
    throw new Error(`the guard "${guard}" is ${parts.length - 1} times in ${file}, not once: ${text}`);
  }
  writeFileSync(join(folder, file), parts.join(instead));
}
