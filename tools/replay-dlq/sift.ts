import { availableParallelism } from "node:os";
import type { Verdict } from "../../ingestor/judge";
import { type JudgeAgainDeps, judgeAgain } from "./judge-again";
import type { KnownReplay, Ledger, NextReplay } from "./ledger";
import { hasContent, type Letter, nameOf, nextReplayOf, type ReplayName } from "./letter";
import { mend } from "./mend";
import type { ReplayOptions } from "./options";

/** Why a letter stays where it is, as the JSON has it, and in words. */
export const staying = {
  copy: "it is a second copy",
  "replayed-before": "it was brought back before",
  "made-in-vain": "--edit and --force made it of an earlier letter, which is the one to be brought back",
  "in-hand": "another run has it in hand",
  "too-many-replays": "it was brought back too often (--max-replays)",
  "without-bytes": "it stands for a batch that could not be decoded: there is nothing to send",
  "edit-failed": "the command of --edit",
  "would-fail-again": "it would fail again",
  "refused-by-kafka": "Kafka refuses it",
  "outcome-unknown": "it may have been sent, and Kafka has deleted where it would be (--force sends it)",
} as const;
export type Stay = keyof typeof staying;

export type Decision = ReadyLetter | StayingLetter;

/** To be sent. */
export interface ReadyLetter {
  readonly kind: "ready";
  readonly letter: Letter;
  /** Which bringing back of it this is. */
  readonly next: ReplayName;
  /** The bytes to send in place of the letter's; null for its own. */
  readonly mended: Buffer | null;
  /** The command of --edit that made them, or left them as they are. */
  readonly edit: string | null;
  readonly orderId: string | null;
}

export interface StayingLetter {
  readonly kind: "stays" | "sent-already";
  readonly letter: Letter;
  readonly why: Stay;
  readonly detail?: string;
}

export interface SiftDeps extends JudgeAgainDeps {
  readonly ledger: Pick<Ledger, "noteSeen" | "findNext">;
  readonly options: Pick<ReplayOptions, "edit" | "force" | "maxReplays">;
  /** Ends the commands of --edit; what is decided after it is worth nothing. */
  readonly signal: AbortSignal;
}

/** A letter on its way to a decision. */
interface Candidate extends NextReplay {
  readonly letter: Letter;
}

/** With what is to be sent in place of its bytes, if anything is. */
interface MendedCandidate extends Candidate {
  readonly mended: Buffer | null;
  readonly edit: string | null;
}

/**
 * Decides about each of these letters, in their order: what the ledger says of it first, then whether it can be sent,
 * then its bytes, mended if a command is given, as the ingestor would judge them.
 */
export async function sift(letters: readonly Letter[], deps: SiftDeps): Promise<readonly Decision[]> {
  const decisions = new Map<Letter, Decision>();
  const decide = (decision: Decision): void => void decisions.set(decision.letter, decision);

  const candidates: Candidate[] = [];
  for (const candidate of await lookUp(letters, deps)) {
    const why = findObstacle(candidate, deps);
    if (why === undefined) candidates.push(candidate);
    else decide({ kind: isSentByUs(candidate.known) ? "sent-already" : "stays", letter: candidate.letter, why });
  }

  const toJudge: MendedCandidate[] = [];
  for (const { candidate, result, edit } of await mendAll(candidates, deps)) {
    const { letter } = candidate;
    if (typeof result === "string") decide({ kind: "stays", letter, why: "edit-failed", detail: result });
    else toJudge.push({ ...candidate, mended: result, edit });
  }

  const values = toJudge.map(({ letter, mended }) => ({
    value: mended ?? letter.value,
    isDangerous: letter.info.reason === "crash",
  }));
  const verdicts = await judgeAgain(values, deps);
  for (const [index, each] of toJudge.entries()) decide(decideBy(verdicts[index], each, deps));
  const copies = letters.filter((letter) => !decisions.has(letter));
  for (const letter of copies) decide({ kind: "stays", letter, why: "copy" });
  return letters.flatMap((letter) => decisions.get(letter) ?? []);
}

/** Leaves out second copies, and adds what the ledger knows. */
async function lookUp(letters: readonly Letter[], { ledger }: SiftDeps): Promise<Candidate[]> {
  const firsts = new Map<string, Letter>();
  for (const letter of letters) {
    const name = nameOf(nextReplayOf(letter));
    if (!firsts.has(name)) firsts.set(name, letter);
  }
  const names = [...firsts.values()].map(nextReplayOf);
  const unseen = await ledger.noteSeen(names);
  const found = await ledger.findNext(names);
  return [...firsts].flatMap(([name, letter]) => {
    const next = found.get(name);
    return next && unseen.has(name) ? [{ letter, ...next }] : [];
  });
}

function isSentByUs(known: KnownReplay | undefined): boolean {
  return known?.isOurs === true && known.state !== "sending";
}

function findObstacle({ letter, next, known, isMadeInVain }: Candidate, { options }: SiftDeps): Stay | undefined {
  if (isMadeInVain) return "made-in-vain";
  // What may be claimed again is as good as new.
  if (known && known.state !== "planned" && known.state !== "gone") {
    if (known.state !== "sending") return "replayed-before";
    return known.isOurs ? "outcome-unknown" : "in-hand";
  }
  if (next.replay > options.maxReplays) return "too-many-replays";
  return hasContent(letter) ? undefined : "without-bytes";
}

interface MendResult {
  readonly candidate: Candidate;
  readonly result: Buffer | null | string;
  readonly edit: string | null;
}

/**
 * The mended bytes of each; null for what is sent as it is, a text for what could not be mended. What an earlier run has
 * claimed, and Kafka does not have, is sent with the bytes of then, unless another command is given: the same one might
 * make others of it today.
 */
async function mendAll(
  candidates: readonly Candidate[],
  { options: { edit }, signal }: SiftDeps,
): Promise<MendResult[]> {
  const results: MendResult[] = [];
  const entries = candidates.entries();
  const work = async (): Promise<void> => {
    for (const [index, candidate] of entries) {
      const { letter, known } = candidate;
      if (known && (edit === undefined || edit === known.edit)) {
        results[index] = { candidate, result: known.value, edit: known.edit };
      } else {
        const result = edit === undefined ? null : await mendOne(edit, letter, signal);
        results[index] = { candidate, result, edit: edit ?? null };
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}

async function mendOne(command: string, { value }: Letter, signal: AbortSignal): Promise<Buffer | null | string> {
  const mended = await mend(command, value, signal);
  if (mended.kind === "failed") return mended.detail;
  return value?.equals(mended.value) ? null : mended.value;
}

function decideBy(
  verdict: Verdict | undefined,
  { letter, next, mended, edit }: MendedCandidate,
  { options: { force } }: SiftDeps,
): Decision {
  if (verdict?.kind === "accepted") return { kind: "ready", letter, next, mended, edit, orderId: verdict.id };
  if (force) return { kind: "ready", letter, next, mended, edit, orderId: null };
  const detail = verdict && `${verdict.reason} ${verdict.errors[0] ?? ""}`;
  return { kind: "stays", letter, why: "would-fail-again", ...(detail && { detail }) };
}
