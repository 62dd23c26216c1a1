import { readdirSync } from "node:fs";
import { parentOf } from "./process-identity";

/**
 * A process and all that it has started, whatever groups and sessions they have made for themselves. Outside of Linux
 * these cannot be seen: it is the process alone.
 */
export function processTree(pid: number): number[] {
  if (process.platform !== "linux") return [pid];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** Sends the signal to each of them; one that has ended meanwhile has no need of it. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  }
}

/**
 * Kills a process, its group, and what it has started in groups of their own: each of PostgreSQL's processes leads one, and
 * if they are frozen they do not notice that their server is gone.
 */
export function killTree(pid: number): void {
  // Once it is gone nobody knows any more what it has started.
  const tree = processTree(pid);
  signalAll([-pid, ...tree], "SIGKILL");
}
