import { commandLine, parentOf } from "./process-identity";

const LOOK_EVERY_MS = 1_000;

/**
 * Calls back once the npm that started this process has ended: killed, it passes nothing on to what it runs. Without npm
 * it is never called. It keeps no process alive.
 */
export function whenNpmEnds(tell: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  // Elsewhere a look at another process costs one of our own, every second.
  const isBelowShell = process.platform === "linux" && /^\S*sh -c /.test(commandLine(process.ppid));
  const before = ancestors(isBelowShell);
  const timer = setInterval(() => {
    if (ancestors(isBelowShell) === before) return;
    clearInterval(timer);
    tell();
  }, LOOK_EVERY_MS).unref();
}

/** npm runs a script by a shell, which either makes way for the script or stays between, and then outlives npm. */
function ancestors(isBelowShell: boolean): string {
  const parent = process.ppid;
  return isBelowShell ? `${parent} ${parentOf(parent)}` : `${parent}`;
}
