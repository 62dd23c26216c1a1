import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Home } from "./home";
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from "./process-identity";

export type Taking = { readonly release: () => void } | { readonly heldBy: ProcessIdentity };

/** Takes the home for this process, or tells which living process has it. */
export function takeLock(home: Home): Taking {
  return takeLockFile(home.path("lock"));
}

/** Takes what a lock file stands for. A dead process's lock counts for nothing. @throws if the file cannot be made */
export function takeLockFile(file: string): Taking {
  const self = JSON.stringify(identify(process.pid) ?? { pid: process.pid, born: "" });
  for (;;) {
    if (putInPlace(file, self)) return { release: () => rmSync(file, { force: true }) };
    const heldBy = holderOf(file);
    if (heldBy) return { heldBy };
    removeStale(file);
  }
}

/** Removes a lock file whose process is dead. */
export function forgetStaleLock(file: string): void {
  if (holderOf(file) === undefined) removeStale(file);
}

/** The living process that has the home. */
export function lockHolder(home: Home): ProcessIdentity | undefined {
  return holderOf(home.path("lock"));
}

/**
 * The file appears with its content or not at all: one that is made first and filled then is for a moment empty, and
 * whoever reads it in that moment takes it for a damaged one that nobody holds.
 *
 * @returns false if there is one already
 */
function putInPlace(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}.new`;
  try {
    writeFileSync(draft, content, { mode: 0o644 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of two that find a dead process's lock, the slower must not remove the lock that the faster has made meanwhile. */
function removeStale(file: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (holderOf(aside)) linkSync(aside, file);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function holderOf(file: string): ProcessIdentity | undefined {
  try {
    const holder: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isProcessIdentity(holder) && isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}
