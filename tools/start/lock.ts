import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Home } from "./home";
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from "./process-identity";

/** Takes the home for this process, or tells which living process has it. A dead process's lock counts for nothing. */
export function takeLock(home: Home): { readonly release: () => void } | { readonly heldBy: ProcessIdentity } {
  const file = home.path("lock");
  const self = identify(process.pid);
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(self), { flag: "wx", mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const heldBy = lockHolder(home);
    if (heldBy) return { heldBy };
    rmSync(file, { force: true });
  }
}

/** The living process that has the home. */
export function lockHolder(home: Home): ProcessIdentity | undefined {
  try {
    const holder: unknown = JSON.parse(readFileSync(home.path("lock"), "utf8"));
    return isProcessIdentity(holder) && isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}
