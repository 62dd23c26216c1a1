import { setTimeout as delay } from "node:timers/promises";

/** Whoever has stopped a command does not wait for a database that does not answer. */
const UNDONE_WITHIN_MS = 5_000;

interface Undo {
  readonly name: string;
  readonly undo: () => Promise<unknown>;
}

const undos = new Set<Undo>();

/**
 * Names what has to be undone if the command is stopped before it does that itself: what it has made outside of its own
 * process.
 *
 * @param name for a person who has to do it by hand
 * @returns what says that it is undone
 */
export function undoWhenStopped(name: string, undo: () => Promise<unknown>): () => void {
  const each = { name, undo };
  undos.add(each);
  return () => void undos.delete(each);
}

/** Undoes what is left, the latest first, and gives each step five seconds. @returns what is left then, with the cause */
export async function takeBack(): Promise<readonly string[]> {
  const left: string[] = [];
  for (const { name, undo } of [...undos].reverse()) {
    const tooLate = delay(UNDONE_WITHIN_MS).then(() => {
      throw new Error(`no answer within ${UNDONE_WITHIN_MS / 1_000} s`);
    });
    await Promise.race([undo(), tooLate]).catch((error: unknown) =>
      left.push(`${name}: ${error instanceof Error ? error.message : error}`),
    );
  }
  return left;
}
