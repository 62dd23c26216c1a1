import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem, uptime } from "node:os";
import { onPath } from "./programs";

/** What the figures depend on, in a line. */
export function describeMachine(): string {
  const cores = availableParallelism();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0]?.toFixed(1);
  const model = cpus()[0]?.model.trim() || process.arch;
  return `${cores} cores of ${model}, ${memory} GiB, Node ${process.versions.node}, load average ${load} at the beginning`;
}

/** A command that runs on one core, where the system has a choice and a way to say so. */
export function onCore(core: 0 | 1, command: readonly string[]): readonly string[] {
  if (availableParallelism() < 2 || !onPath("taskset")) return command;
  return ["taskset", "-c", String(core), ...command];
}

/** The processor time that a process has used, in seconds, to a hundredth. Linux only; NaN elsewhere. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How long ago a process was started, in seconds. Linux only; NaN elsewhere. */
export function secondsSinceStart(pid: number): number {
  return uptime() - Number(statOf(pid)[19]) / 100;
}

/**
 * How long a process's main thread was ready to run and had no processor, in seconds: what other programs cost it, and
 * the machine's neighbours. Linux only; NaN elsewhere.
 */
export function secondsInLine(pid: number): number {
  return Number(readProc(pid, "schedstat").split(" ")[1]) / 1e9;
}

/** Processor time of a process with all its children, also of those that have ended. */
export function cpuSecondsOfFamily(pid: number): number {
  const fields = statOf(pid);
  const ended = (Number(fields[13]) + Number(fields[14])) / 100;
  const children = processes().filter((each) => Number(statOf(each)[1]) === pid);
  return children.reduce((sum, each) => sum + (cpuSeconds(each) || 0), cpuSeconds(pid) + ended);
}

/** The process that listens on a port of this machine; undefined if it is not to be seen from here. Linux only. */
export function listenerOn(port: number): number | undefined {
  const [ipv4, ipv6] = ["tcp", "tcp6"].map((table) => readProc("self/net", table).split("\n"));
  const isListening = (line: string): boolean =>
    new RegExp(`^\\s*\\d+: \\S+:${port.toString(16).toUpperCase().padStart(4, "0")} \\S+ 0A `).test(line);
  const sockets = [...(ipv4 ?? []), ...(ipv6 ?? [])]
    .filter(isListening)
    .map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`);
  return processes().find((pid) => openFiles(pid).some((file) => sockets.includes(file)));
}

/** Resident memory in bytes: now, and at its highest. Linux only; NaN elsewhere. */
export function memoryOf(pid: number): { now: number; highest: number } {
  const status = readProc(pid, "status");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) * 1_024;
  return { now: kibibytes("VmRSS"), highest: kibibytes("VmHWM") };
}

function processes(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((file) => readlinkSync(`/proc/${pid}/fd/${file}`));
  } catch {
    // Another user's, or one that has just ended.
    return [];
  }
}

/** The fields after the command's name, which may have spaces; Linux counts in hundredths of a second here. */
function statOf(pid: number): string[] {
  return readProc(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];
}

function readProc(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
