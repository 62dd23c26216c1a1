import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Home, openHome, readObject } from "../start/home";
import { lockHolder } from "../start/lock";
import { isAlive, isProcessIdentity } from "../start/process-identity";
import { processTree } from "../start/process-tree";
import { cpuSeconds, cpuSecondsOfFamily, secondsSinceStart } from "./machine";
import { type Measured, medianIn, rounded, type Series, seriesOf } from "./result";

export interface IdleOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** How long the system must have run before it is measured, in seconds. */
  readonly settle: number;
  readonly say: (text: string) => void;
}

/** Of one core. */
const CPU_BAR_PERCENT = 2;
const MEMORY_BAR_MIB = 900;
const WHOLE = "all together";

/** A part of the running system. */
interface Part {
  readonly name: string;
  readonly pid: number;
  /** Those of its processes whose memory counts as its own. */
  pids(): readonly number[];
  /** Processor time so far, in seconds. */
  used(): number;
}

/**
 * What a running `npm start` uses while nobody publishes and nobody asks: processor time, and memory as the share that is
 * each process's own (PSS: what several of them map is divided among them). Processor time is counted by the kernel for
 * each process, so that others on the same machine hardly change it.
 *
 * @throws Error when no system runs in the home
 */
export async function benchIdle({ rounds, seconds, settle, say }: IdleOptions): Promise<Measured> {
  const parts = findParts(openHome());
  const wait = settle - Math.min(...parts.map(({ pid }) => secondsSinceStart(pid)));
  if (wait > 0) {
    say(`waiting ${Math.ceil(wait)} s, until all of it has run for ${settle} s …`);
    await delay(wait * 1_000);
  }
  const values = new Map<string, number[]>();
  const push = (name: string, value: number): void => void values.set(name, [...(values.get(name) ?? []), value]);
  for (let round = 0; round < rounds; round++) {
    const [startedAt, before] = [performance.now(), parts.map((part) => part.used())];
    await delay(seconds * 1_000);
    const elapsed = (performance.now() - startedAt) / 1_000;
    const percents = parts.map((part, at) => (100 * (part.used() - (before[at] ?? Number.NaN))) / elapsed);
    const mebibytes = parts.map((part) => part.pids().reduce((sum, pid) => sum + pssOf(pid), 0) / 2 ** 20);
    for (const [at, { name }] of parts.entries()) {
      push(cpuOf(name), percents[at] ?? Number.NaN);
      push(memoryOf(name), mebibytes[at] ?? Number.NaN);
    }
    push(cpuOf(WHOLE), sum(percents));
    push(memoryOf(WHOLE), sum(mebibytes));
    say(`round ${round + 1}: ${sum(percents).toFixed(2)} % of a core, ${sum(mebibytes).toFixed(0)} MiB`);
  }
  const series = seriesOf(values, (name) => (name.endsWith("memory") ? "MiB" : "% of a core"));
  const missing = ["Kafka", "Postgres"].filter((name) => parts.every((part) => part.name !== name));
  const leftOut = missing.map((name) => `${name}, which this system has not started as a process of its own`);
  return { series, goals: [cpuGoal(series), memoryGoal(series)], leftOut };
}

const cpuOf = (name: string): string => `${name}: processor`;
const memoryOf = (name: string): string => `${name}: memory`;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function cpuGoal(series: readonly Series[]) {
  const value = medianIn(series, cpuOf(WHOLE)) ?? Number.NaN;
  return { goal: "processor, % of a core", value: rounded(value), bar: CPU_BAR_PERCENT, met: value < CPU_BAR_PERCENT };
}

function memoryGoal(series: readonly Series[]) {
  const value = medianIn(series, memoryOf(WHOLE)) ?? Number.NaN;
  return { goal: "memory, MiB", value: rounded(value), bar: MEMORY_BAR_MIB, met: value < MEMORY_BAR_MIB };
}

/** The supervisor and what it has running, as it keeps record of it. */
function findParts(home: Home): readonly Part[] {
  const supervisor = lockHolder(home);
  if (!supervisor) throw new Error(`nothing runs in ${home.folder}: npm start, then this again in a second terminal`);
  const services = Object.entries(readObject(home.path("running.json"))).flatMap(([name, identity]): Part[] => {
    if (!isProcessIdentity(identity) || !isAlive(identity)) return [];
    const { pid } = identity;
    return [{ name, pid, pids: () => processTree(pid), used: () => cpuSecondsOfFamily(pid) }];
  });
  const { pid } = supervisor;
  const pids = (): number[] => {
    const others = new Set(services.flatMap((service) => service.pids()));
    return processTree(pid).filter((each) => !others.has(each));
  };
  // Its guardian is a shell that waits for a line.
  return [...services, { name: "supervisor", pid, pids, used: () => cpuSeconds(pid) }];
}

/** In bytes. Linux only; NaN elsewhere. */
function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) * 1_024;
  } catch {
    // It has ended: PostgreSQL has workers that come and go.
    return process.platform === "linux" ? 0 : Number.NaN;
  }
}
