import { Transform, type TransformCallback } from "node:stream";
import type { ProxyFilters } from "./half-open-proxy";

/** COMMIT as a message to PostgreSQL: a query's type, its length, its text with a zero at the end. */
const COMMIT = Buffer.from("Q\0\0\0\x0bCOMMIT\0", "latin1");

/**
 * Lets a COMMIT reach the server and breaks the connection as soon as that has answered: the client cannot know whether
 * its transaction was committed, and it was.
 */
export function createCommitFilter({ isLosing, cut }: { isLosing: () => boolean; cut: () => void }): ProxyFilters {
  let isLost = false;
  const watch = (onChunk: (chunk: Buffer) => boolean): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done: TransformCallback) {
        done(null, onChunk(chunk) ? chunk : undefined);
      },
    });
  return {
    toServer: watch((chunk) => {
      isLost ||= isLosing() && chunk.includes(COMMIT);
      return true;
    }),
    toClient: watch(() => {
      if (isLost) cut();
      return !isLost;
    }),
  };
}
