import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
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
  // The fields after the command's name, which may have spaces; Linux counts in hundredths of a second here.
  const fields = readProc(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory in bytes: now, and at its highest. Linux only; NaN elsewhere. */
export function memoryOf(pid: number): { now: number; highest: number } {
  const status = readProc(pid, "status");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) * 1_024;
  return { now: kibibytes("VmRSS"), highest: kibibytes("VmHWM") };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
