import { backoffMs } from "../runtime/backoff";
import type { Failure } from "./failure";
import type { Verdict } from "./judge";
import { NoJudgeError } from "./judge-apart";

export interface PatientJudgeDeps {
  /** Judges in a process of its own (judge-apart.ts). */
  readonly judge: (value: Buffer | null) => Promise<Verdict>;
  readonly wait: (ms: number) => Promise<unknown>;
  /** False once the partition is no longer ours or the process is stopping. */
  readonly isCurrent: () => boolean;
  /** Told of every failed attempt, and with undefined once nothing is waited for any more. */
  readonly onOutage: (failure: Failure | undefined) => void;
}

/**
 * Judges a record apart, and waits as long as this machine gives no process for it.
 *
 * @returns undefined once the partition is no longer ours
 */
export async function judgePatiently(
  value: Buffer | null,
  { judge, wait, isCurrent, onOutage }: PatientJudgeDeps,
): Promise<Verdict | undefined> {
  try {
    for (let attempt = 0; isCurrent(); attempt++) {
      try {
        return await judge(value);
      } catch (error) {
        if (!(error instanceof NoJudgeError)) throw error;
        onOutage({ action: "retry", code: error.code });
        await wait(backoffMs(attempt));
      }
    }
    return undefined;
  } finally {
    onOutage(undefined);
  }
}
