import { spawn } from "node:child_process";

/** A value as the operator's command has mended it, or why it has not. */
export type Mended =
  | { readonly kind: "mended"; readonly value: Buffer }
  | { readonly kind: "failed"; readonly detail: string };

const DEADLINE_MS = 10_000;
/** Nothing larger can be an order, by far. */
const MAX_BYTES = 16 * 1_048_576;

/**
 * Pipes a value through a shell command. What the command says on standard error is for the operator, who sees it as it
 * comes; it is never kept.
 *
 * @param value null, a tombstone's, goes in as no bytes at all
 */
export function mend(command: string, value: Buffer | null): Promise<Mended> {
  return new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", command], { stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let failure: string | undefined;
    const give = (why: string): void => {
      failure ??= why;
      child.kill("SIGKILL");
      // What the shell has started may hold the pipe open.
      child.stdout.destroy();
    };
    const deadline = setTimeout(() => give(`took longer than ${DEADLINE_MS / 1_000} s`), DEADLINE_MS);
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_BYTES) give(`wrote more than ${MAX_BYTES / 1_048_576} MiB`);
    });
    child.once("error", (error) => give(`cannot be run: ${error.message}`));
    child.once("close", (code, signal) => {
      clearTimeout(deadline);
      if (code !== 0) failure ??= signal ? `was ended by ${signal}` : `ended with ${code}`;
      resolve(
        failure === undefined ? { kind: "mended", value: Buffer.concat(chunks) } : { kind: "failed", detail: failure },
      );
    });
    // A command need not read what it is given.
    child.stdin.on("error", () => {});
    child.stdin.end(value ?? undefined);
  });
}
