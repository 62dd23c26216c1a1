import { type ChildProcess, spawn } from "node:child_process";
import { MAX_DOCUMENT_BYTES } from "../../ingestor/judge";

/** A value as the operator's command has mended it, or why it has not. */
export type Mended =
  | { readonly kind: "mended"; readonly value: Buffer }
  | { readonly kind: "failed"; readonly detail: string };

const DEADLINE_MS = 10_000;

/**
 * Pipes a value through a shell command. What the command says on standard error is for the operator, who sees it as it
 * comes; it is never kept. Whatever the command has started is ended with it: when it takes too long, writes more than an
 * order may have, or nobody waits for it any more.
 *
 * @param value null, a tombstone's, goes in as no bytes at all
 */
export function mend(command: string, value: Buffer | null, signal: AbortSignal): Promise<Mended> {
  return new Promise((resolve) => {
    // A group of its own: the shell alone would leave behind what it waits for.
    const child = spawn("/bin/sh", ["-c", command], { stdio: ["pipe", "pipe", "inherit"], detached: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let failure: string | undefined;
    const give = (why: string): void => {
      failure ??= why;
      killGroup(child);
      // What has left the group may hold the pipe open.
      child.stdout.destroy();
    };
    const interrupt = (): void => give("was interrupted");
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    const deadline = setTimeout(() => give(`took longer than ${DEADLINE_MS / 1_000} s`), DEADLINE_MS);
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_DOCUMENT_BYTES) give(`wrote more than ${MAX_DOCUMENT_BYTES / 1_048_576} MiB`);
    });
    child.once("error", (error) => give(`cannot be run: ${error.message}`));
    child.once("close", (code, endedBy) => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", interrupt);
      if (code !== 0) failure ??= endedBy ? `was ended by ${endedBy}` : `ended with ${code}`;
      resolve(
        failure === undefined ? { kind: "mended", value: Buffer.concat(chunks) } : { kind: "failed", detail: failure },
      );
    });
    // A command need not read what it is given.
    child.stdin.on("error", () => {});
    child.stdin.end(value ?? undefined);
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
