import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetStaleLock, takeLockFile } from "./lock";

const FOLDER = join(tmpdir(), "orders-ports");

/** What this process has claimed, and how each is given back. */
const claims = new Map<number, () => void>();

/**
 * Claims a port among all systems that start on this machine: between the moment in which a port is found free and the
 * one in which its part listens on it, seconds pass, and another start would find it free too.
 *
 * @returns whether no other living start has claimed it
 */
export function claimPort(port: number): boolean {
  try {
    makeForEverybody(FOLDER);
    const taking = takeLockFile(join(FOLDER, String(port)));
    if ("heldBy" in taking) return taking.heldBy.pid === process.pid;
    if (claims.size === 0) process.once("exit", releaseAll);
    claims.set(port, taking.release);
  } catch {
    // A claim is a courtesy: where it cannot be made, what is left is that the port is free now.
  }
  return true;
}

/** Gives a port back to the others, once its part listens no more. */
export function releasePort(port: number): void {
  claims.get(port)?.();
  claims.delete(port);
  if (claims.size === 0) process.off("exit", releaseAll);
}

function releaseAll(): void {
  for (const release of claims.values()) release();
}

/** A start that was killed gives nothing back; the next one, of whichever home, tidies up after it. */
export function forgetDeadClaims(): void {
  for (const name of existsSync(FOLDER) ? readdirSync(FOLDER) : []) {
    try {
      if (/^\d+$/.test(name)) forgetStaleLock(join(FOLDER, name));
    } catch {
      // Another user's is theirs to remove.
    }
  }
}

/** Like the folder of temporary files itself: everybody may add to it, and remove what is their own. */
function makeForEverybody(folder: string): void {
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o1777);
}
