import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import type { Verdict } from "./judge";

/**
 * A judge in a process of its own, for records of which one may kill the process that looks at it.
 *
 * The child is `absent`, or `starting` until it says that it is ready, or `waiting` for a value, or `judging` one. It is
 * started when it is needed. A child that ends while it starts, or cannot be started at all, says something of this
 * machine and nothing of the value: the judging fails, to be tried again; so does one that ends while judging by a SIGKILL
 * of somebody else's, the system's for want of memory among them. If it dies otherwise, or exceeds the deadline, it is
 * absent again, and a fresh one judges something harmless of the same size. If that one dies as well, it is the machine
 * again; else the value is tried anew. A value under which children have died several times in a row, while this process
 * lives and harmless values are judged in between, is what kills.
 */
export interface ApartJudge {
  /** @throws NoJudgeError if no process can be had that judges; the next call tries anew */
  judge(value: Buffer | null): Promise<Verdict>;
  stop(): void;
}

/** No process can be had that judges: an outage of this machine, never the fault of a record. */
export class NoJudgeError extends Error {
  override readonly name = "NoJudgeError";
  /** @param code the system's, where it refuses a process; JUDGE_ENDED for one that ended before it had judged anything, SIGKILL for one that was killed */
  constructor(readonly code: string) {
    super(
      `no process can be had that judges a record apart (${code}): is there a limit of processes, open files or memory, and is the program all there?`,
    );
  }
}

/** Node takes a tenth of a second to start; a machine that is busy or swaps may take long. */
const START_MS = 30_000;
/** A valid order takes microseconds, the largest value some milliseconds. */
const DEADLINE_MS = 10_000;
/** Enough for the largest record that Kafka takes, and far less than what the ingestor has. */
const HEAP_MIB = 256;
/** One death may be bad luck. */
const DEATHS_TO_CONVICT = 3;

/** @param program the child's program; it says something once it is ready, and answers every message with a verdict */
export function createApartJudge(program = join(__dirname, "judge-child")): ApartJudge {
  // Read once: whoever is out of open files cannot read it either.
  const example = readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8");
  let child: ChildProcess | undefined;
  let lastAsked: Promise<unknown> = Promise.resolve();

  const start = async (): Promise<ChildProcess> => {
    let refusal: unknown;
    try {
      const started = fork(program, [], {
        serialization: "advanced",
        execArgv: [`--max-old-space-size=${HEAP_MIB}`],
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      });
      child = started;
      const forget = (error?: unknown): void => {
        refusal = error;
        if (child === started) child = undefined;
      };
      // A process that the system refuses (EMFILE, EAGAIN) has an error and no exit, and cannot be sent anything.
      started.on("error", forget).once("exit", () => forget());
      if (await hear(started, START_MS)) return started;
    } catch (error) {
      refusal = error;
    }
    throw new NoJudgeError(codeOf(refusal) ?? "JUDGE_ENDED");
  };

  /** The verdict, or undefined if the child has died of it: no value kills by a signal that only another process sends. */
  const ask = async (value: Buffer | null): Promise<Verdict | undefined> => {
    const asked = child ?? (await start());
    const answer = hear(asked, DEADLINE_MS);
    asked.send({ value }, (error) => error && asked.kill("SIGKILL"));
    const verdict = await answer;
    if (verdict === undefined && asked.signalCode === "SIGKILL" && !asked.killed) throw new NoJudgeError("SIGKILL");
    return verdict as Verdict | undefined;
  };

  const judge = async (value: Buffer | null): Promise<Verdict> => {
    for (let deaths = 0; deaths < DEATHS_TO_CONVICT; deaths++) {
      const verdict = await ask(value);
      if (verdict) return revive(verdict);
      if (!(await ask(harmlessValue(example, value?.length ?? 0)))) throw new NoJudgeError("JUDGE_ENDED");
    }
    const errors = [`/ ended the process that judged it, ${DEATHS_TO_CONVICT} times`];
    return { kind: "rejected", reason: "crash", errors };
  };

  return {
    // One value at a time, also of several partitions: the child's answers do not say to what.
    judge: (value) => {
      const verdict = lastAsked.then(() => judge(value));
      lastAsked = verdict.catch(() => {});
      return verdict;
    },
    stop: () => child?.kill("SIGKILL"),
  };
}

/** What the child says next; undefined if it ends first. One that says nothing in time is ended. */
function hear(child: ChildProcess, withinMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const settle = (message: unknown): void => {
      clearTimeout(deadline);
      child.off("message", settle).off("exit", end).off("error", end);
      resolve(message);
    };
    const end = (): void => settle(undefined);
    const deadline = setTimeout(() => child.kill("SIGKILL"), withinMs);
    child.once("message", settle).once("exit", end).once("error", end);
  });
}

/** The example, filled up to that many bytes in the form that takes most memory to be judged. */
function harmlessValue(example: string, bytes: number): Buffer {
  const filling = "[],".repeat(Math.max(0, bytes - example.length - '"filling":[[]],'.length) / 3);
  return Buffer.from(example.replace("{", () => `{"filling":[${filling}[]],`));
}

function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** Buffers come out of another process as plain byte arrays. */
function revive(verdict: Verdict): Verdict {
  if (verdict.kind === "rejected") return verdict;
  return { ...verdict, document: Buffer.from(verdict.document), sha256: Buffer.from(verdict.sha256) };
}
