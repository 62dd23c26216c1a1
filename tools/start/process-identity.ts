import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A process that can be recognised later: a pid alone may by then belong to another one.
 *
 * @property born when the process began, in its system's own words; it differs between two processes with one pid
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly born: string;
}

/** The identity of a living process; nothing if there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const born = process.platform === "linux" ? bornOnLinux(pid) : bornByPs(pid);
  return born === undefined ? undefined : { pid, born };
}

/** Whether this very process, and not a later one with its pid, is alive. A zombie is not. */
export function isAlive({ pid, born }: ProcessIdentity): boolean {
  return identify(pid)?.born === born;
}

export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  return "pid" in value && Number.isInteger(value.pid) && "born" in value && typeof value.born === "string";
}

/** The words that a living process was started with, with spaces between; empty where they cannot be seen. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return process.platform === "linux" ? "" : ps(pid, "command=");
  }
}

/** The parent of a process; nothing if that cannot be seen, as outside of Linux. */
export function parentOf(pid: number): number | undefined {
  return Number(statFields(pid)?.[1]) || undefined;
}

function bornOnLinux(pid: number): string | undefined {
  const fields = statFields(pid);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state === "Z" || state === "X" ? undefined : startTime;
}

/** The fields of /proc/PID/stat from the third, the state, on. */
function statFields(pid: number): string[] | undefined {
  try {
    // The second field, the name, may hold spaces and brackets: the rest is counted from the last bracket.
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\)\s+/s, "")
      .split(" ");
  } catch {
    return undefined;
  }
}

function bornByPs(pid: number): string | undefined {
  return ps(pid, "lstart=") || undefined;
}

function ps(pid: number, column: string): string {
  const { stdout } = spawnSync("ps", ["-ww", "-o", column, "-p", String(pid)], { encoding: "utf8" });
  return stdout?.trim() ?? "";
}
