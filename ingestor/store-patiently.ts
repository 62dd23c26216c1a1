import { backoffMs } from "../runtime/backoff";
import { classifyFailure, type Failure } from "./failure";
import { isAccepted, type JudgedRecord } from "./judged-record";
import type { Batch, StoreResult } from "./store-batch";

export interface PatientStoreDeps {
  readonly store: (batch: Batch) => Promise<StoreResult>;
  /** Whether the database commits as much as the batch, of harmless content (probe-storing.ts). */
  readonly probe: (batch: Batch) => Promise<boolean>;
  readonly wait: (ms: number) => Promise<unknown>;
  /** False once the partition is no longer ours or the process is stopping. */
  readonly isCurrent: () => boolean;
  /** Told of every failed attempt, and with undefined of every success. */
  readonly onOutage: (failure: Failure | undefined) => void;
  /** Told of a record that was found to be unstorable. */
  readonly onUnstorable: (record: JudgedRecord, failure: Failure) => void;
}

export type PatientStoreResult = StoreResult | { readonly kind: "abandoned" };

/** A failure that waiting cannot mend; the process has to end. Carries codes only, no content. */
export class StopError extends Error {
  override readonly name = "StopError";
  constructor(readonly failure: Failure) {
    super(`the database refuses what this program does (${failure.code}); is it migrated? npm run migrate`);
  }
}

/**
 * Stores a batch, whatever happens meanwhile: waits through outages, and takes a batch that holds an unstorable record
 * apart until that record stands alone and can be dead-lettered.
 *
 * An attempt whose outcome is unknown is simply repeated: the position in the database tells whether it had succeeded.
 * What takes the database too long is stored in halves, and nothing of it is ever a dead letter for that.
 * A failure in doubt is an outage as long as nothing else can be stored either. If as much of harmless content commits
 * between attempts that fail, it is the batch that cannot be stored, and it is taken apart.
 *
 * @throws StopError for a defect
 */
export async function storePatiently(batch: Batch, deps: PatientStoreDeps): Promise<PatientStoreResult> {
  let isUncertain = false;
  let committedMeanwhile = 0;
  for (let attempt = 0; deps.isCurrent(); attempt++) {
    try {
      const result = await deps.store(batch);
      deps.onOutage(undefined);
      if (result.kind === "moved" && isUncertain && result.nextOffset === batch.to) {
        // It was committed and only the answer got lost, with the ids of its outbox rows: the sweep finds those.
        return { kind: "stored", ...noCounts, outboxIds: [] };
      }
      return result;
    } catch (error) {
      const failure = classifyFailure(error);
      if (failure.action === "stop") throw new StopError(failure);
      if (failure.action === "isolate") return isolate(batch, failure, deps);
      isUncertain = true;
      // Whoever loses a race once is not in an outage, and need not wait.
      if (failure.action === "retry-at-once" && attempt < RACES_TO_LOSE) continue;
      const isInDoubt = failure.action === "doubt" && batch.records.some(isAccepted);
      if (isInDoubt && committedMeanwhile >= COMMITS_TO_CONVICT) return isolate(batch, failure, deps);
      deps.onOutage(failure);
      await deps.wait(backoffMs(attempt));
      if (failure.action === "split" && batch.records.length > 1) return storeHalves(batch, deps);
      committedMeanwhile = isInDoubt && (await deps.probe(batch)) ? committedMeanwhile + 1 : 0;
    }
  }
  return { kind: "abandoned" };
}

/** A deadlock's victim that is chosen this often in a row does not lose by chance. */
const RACES_TO_LOSE = 3;
/** Twice an outage may end and begin again between an attempt and a probe; that the probe always hits the gaps is no chance. */
const COMMITS_TO_CONVICT = 3;
const noCounts = { stored: 0, duplicate: 0, dead: 0 } as const;

/** Takes a batch apart, down to the record that cannot be stored: log2(1,000) ≈ 10 levels. */
async function isolate(batch: Batch, failure: Failure, deps: PatientStoreDeps): Promise<PatientStoreResult> {
  const [first] = batch.records;
  if (batch.records.length === 1 && first) {
    // A dead letter that cannot be kept either is no matter of its content.
    if (!isAccepted(first)) throw new StopError(failure);
    deps.onUnstorable(first, failure);
    const errors = [`/ cannot be stored: PostgreSQL says ${failure.code}`];
    const unstorable: JudgedRecord = { ...first, verdict: { kind: "rejected", reason: "unstorable", errors } };
    return storePatiently({ ...batch, records: [unstorable] }, deps);
  }
  return storeHalves(batch, deps);
}

/** Stores the halves of a batch one after the other. */
async function storeHalves(batch: Batch, deps: PatientStoreDeps): Promise<PatientStoreResult> {
  const half = Math.ceil(batch.records.length / 2);
  const left = batch.records.slice(0, half);
  const border = (left.at(-1)?.lastOffset ?? batch.from) + 1n;
  const leftResult = await storePatiently({ ...batch, records: left, to: border }, deps);
  if (leftResult.kind !== "stored") return leftResult;
  const rightResult = await storePatiently({ ...batch, records: batch.records.slice(half), from: border }, deps);
  if (rightResult.kind !== "stored") return rightResult;
  return {
    kind: "stored",
    stored: leftResult.stored + rightResult.stored,
    duplicate: leftResult.duplicate + rightResult.duplicate,
    dead: leftResult.dead + rightResult.dead,
    outboxIds: [...leftResult.outboxIds, ...rightResult.outboxIds],
  };
}
