import { commandLine, parentOf } from "./process-identity";

/**
 * Calls back once the npm that started this process has ended: killed, it passes nothing on to what it runs. Without npm
 * it is never called. It keeps no process alive.
 */
export function whenNpmEnds(tell: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    tell();
  }, 500).unref();
}

/** npm runs a script by a shell, which either makes way for the script or stays between, and then outlives npm. */
function ancestors(): string {
  const parent = process.ppid;
  // Elsewhere a look at another process costs one of our own, twice a second.
  if (process.platform !== "linux") return `${parent}`;
  return /^\S*sh -c /.test(commandLine(parent)) ? `${parent} ${parentOf(parent)}` : `${parent}`;
}
