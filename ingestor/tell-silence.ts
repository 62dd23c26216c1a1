import type { Failure } from "./failure";

/** A batch takes milliseconds. One that takes so long stands before a server that is frozen or a disk that hangs. */
const SILENCE_MS = 5_000;

export const silence: Failure = { action: "retry", code: "NO_ANSWER" };

/**
 * Tells that something takes long while it is still waited for, and ends nothing: giving it up is a matter of the
 * connection's own time-outs, which come later. Whoever waits tells the end of it.
 */
export async function tellSilence<T>(answer: Promise<T>, onSilence: (failure: Failure) => void): Promise<T> {
  const timer = setTimeout(() => onSilence(silence), SILENCE_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}
