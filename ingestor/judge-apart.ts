import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Verdict } from "./judge";

/**
 * A judge in a process of its own, for records of which one may kill the process that looks at it.
 *
 * The child is `absent`, or `waiting` for a value, or `judging` one. It is started when it is needed. If it dies or
 * exceeds the deadline while judging, it is absent again and the value is tried anew; a value under which it has died
 * several times in a row, while this process lives, is what kills.
 */
export interface ApartJudge {
  judge(value: Buffer | null): Promise<Verdict>;
  stop(): void;
}

/** A valid order takes microseconds, the largest value some milliseconds. */
const DEADLINE_MS = 10_000;
/** Enough for the largest record that Kafka takes, and far less than what the ingestor has. */
const HEAP_MIB = 256;
/** One death may be somebody's kill -9. */
const DEATHS_TO_CONVICT = 3;

/** @param program the child's program; it answers every message that holds a value with a verdict */
export function createApartJudge(program = join(__dirname, "judge-child")): ApartJudge {
  let child: ChildProcess | undefined;
  let lastAsked: Promise<unknown> = Promise.resolve();

  const start = (): ChildProcess => {
    const started = fork(program, [], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${HEAP_MIB}`],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    started.on("error", () => started.kill("SIGKILL"));
    started.once("exit", () => {
      if (child === started) child = undefined;
    });
    return started;
  };

  /** The verdict, or undefined if the child has died of it. */
  const ask = (value: Buffer | null): Promise<Verdict | undefined> =>
    new Promise((resolve) => {
      const asked = child ?? start();
      child = asked;
      const settle = (verdict: Verdict | undefined): void => {
        clearTimeout(deadline);
        asked.off("message", settle).off("exit", die);
        resolve(verdict);
      };
      const die = (): void => settle(undefined);
      const deadline = setTimeout(() => asked.kill("SIGKILL"), DEADLINE_MS);
      asked.once("message", settle).once("exit", die);
      asked.send({ value }, (error) => error && asked.kill("SIGKILL"));
    });

  const judge = async (value: Buffer | null): Promise<Verdict> => {
    for (let deaths = 0; deaths < DEATHS_TO_CONVICT; deaths++) {
      const verdict = await ask(value);
      if (verdict) return revive(verdict);
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

/** Buffers come out of another process as plain byte arrays. */
function revive(verdict: Verdict): Verdict {
  if (verdict.kind === "rejected") return verdict;
  return { ...verdict, document: Buffer.from(verdict.document), sha256: Buffer.from(verdict.sha256) };
}
