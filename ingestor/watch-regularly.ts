import { untilBeat } from "../runtime/beat";
import type { Log } from "../runtime/log";
import { classifyFailure } from "./failure";

const INTERVAL_MS = 2_000;

/**
 * Looks at something regularly, never twice at once. A look that fails is only noted for debugging: whoever uses
 * what was looked at meets the outage himself, and the next look comes.
 *
 * @param what for the log: `watch.failed` of this
 * @param everyMs two seconds, where nothing else is said
 * @returns what stops it
 */
export function watchRegularly(
  what: string,
  log: Log,
  look: () => Promise<void>,
  everyMs: number = INTERVAL_MS,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const lookOnce = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      const { code } = classifyFailure(error);
      log.debug({ event: "watch.failed", what, code }, `could not look at the ${what} (${code})`);
    }
    lookLater();
  };
  const lookLater = (): void => {
    if (!isStopped) timer = setTimeout(() => void lookOnce(), untilBeat(everyMs));
  };
  lookLater();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
