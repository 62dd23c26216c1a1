import { setTimeout as delay } from "node:timers/promises";

/** Whoever has stopped a command does not wait for a database that does not answer. */
const UNDONE_WITHIN_MS = 5_000;

interface Undo {
  readonly name: string;
  readonly undo: () => Promise<unknown>;
  readonly withinMs: number;
}

const undos = new Set<Undo>();

/**
 * Names what has to be undone if the command is stopped before it does that itself: what it has made outside of its own
 * process.
 *
 * @param name for a person who has to do it by hand
 * @returns what says that it is undone
 */
export function undoWhenStopped(
  name: string,
  undo: () => Promise<unknown>,
  withinMs: number = UNDONE_WITHIN_MS,
): () => void {
  const each = { name, undo, withinMs };
  undos.add(each);
  return () => void undos.delete(each);
}

/** Undoes what is left, the latest first, and gives each step its time. @returns what is left then, with the cause */
export async function takeBack(): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { name, undo, withinMs } of [...undos].reverse()) {
    const tooLate = delay(withinMs).then(() => {
      throw new Error(`no answer within ${withinMs / 1_000} s`);
    });
    await Promise.race([undo(), tooLate]).catch((error: unknown) =>
      left.push(`${name}: ${error instanceof Error ? error.message : error}`),
    );
  }
  return left;
}
