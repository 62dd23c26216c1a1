import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * A process that can be recognised later: a pid alone may by then belong to another one.
 *
 * @property born when the process began, in its system's own words; it differs between two processes with one pid
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly born: string;
}

/** When a process began, in the words of each kind of system; nothing if there is none with this pid. */
const BORN = {
  linux: bornOnLinux,
  win32: (pid: number): string => powershell(`(Get-Process -Id ${pid} -ErrorAction SilentlyContinue).StartTime.Ticks`),
  other: (pid: number): string => ps(pid, "lstart="),
} as const;

/** The identity of a living process; nothing if there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const born = BORN[process.platform === "linux" || process.platform === "win32" ? process.platform : "other"](pid);
  return born ? { pid, born } : undefined;
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

/**
 * Whether a living process is a run of this program with these words next to each other: whoever searches for them, or
 * reads about them, has them in a command line too.
 */
export function isRunOf(pid: number, program: string, words: readonly string[]): boolean {
  // There the words are seen with spaces between alone, and a program's folder may have some too.
  if (process.platform !== "linux") return commandLine(pid).includes(words.join(" "));
  try {
    const [started = "", ...others] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return basename(started) === program && others.some((_, at) => words.every((word, n) => others[at + n] === word));
  } catch {
    return false;
  }
}

/** A living run of this program with these words. Linux only: elsewhere nothing is found. */
export function findRunOf(program: string, words: readonly string[]): ProcessIdentity | undefined {
  if (process.platform !== "linux") return undefined;
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  const found = pids.find((pid) => isRunOf(pid, program, words));
  return found === undefined ? undefined : identify(found);
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

function ps(pid: number, column: string): string {
  return wordsOf("ps", "-ww", "-o", column, "-p", String(pid));
}

function powershell(script: string): string {
  return wordsOf("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script);
}

function wordsOf(command: string, ...args: readonly string[]): string {
  const { stdout } = spawnSync(command, args, { encoding: "utf8", windowsHide: true });
  return stdout?.trim() ?? "";
}
