import { SettingsError } from "../runtime/settings";
import { explainFailure, explainSettings } from "./explain-failure";
import { whenToldToStop } from "./stop-signal";
import { takeBack } from "./take-back";
import { UsageError } from "./usage-error";

/**
 * Runs a command's main function with the command line's arguments and ends the process with the code that it gives: 0
 * done, 1 it ran and the answer is bad. A mistake in its use or in the settings is 2; whatever else it throws is told on
 * standard error, with all causes, and is 1.
 *
 * @param stopped for a command that has nothing to finish when it is told to stop (others take stopSignal): what that
 *   leaves done and undone, and how to go on. What the command has named by undoWhenStopped is undone first; the code is
 *   130 after Ctrl-C and 143 after SIGTERM.
 */
export function runCommand(main: (args: readonly string[]) => Promise<number>, stopped?: string): void {
  let isStopping = false;
  const end = (exitCode: number, text = ""): void => {
    if (isStopping) return;
    process.stderr.write(text);
    process.exit(exitCode);
  };
  if (stopped !== undefined) {
    whenToldToStop((exitCode) => {
      isStopping = true;
      void stop(exitCode, stopped);
    });
  }
  main(process.argv.slice(2)).then(
    // A server that hangs must not keep a finished tool alive.
    (exitCode) => end(exitCode),
    (error: unknown) => {
      const isUsage = error instanceof UsageError;
      const isSettings = error instanceof SettingsError;
      const text = isUsage ? error.message : isSettings ? explainSettings(error) : explainFailure(error);
      end(isUsage || isSettings ? 2 : 1, `${text}\n`);
    },
  );
}

async function stop(exitCode: number, words: string): Promise<never> {
  // What goes on meanwhile fails, because what it stands on is taken away: that is nothing to tell.
  process.on("uncaughtException", () => {});
  // Not in the line of the ^C, or of how far it was.
  if (process.stderr.isTTY) process.stderr.write("\n");
  const left = await takeBack();
  process.stderr.write([...left.map((each) => `still there: ${each}`), `stopped: ${words}`, ""].join("\n"));
  process.exit(exitCode);
}

/** Resolves when the text has left the process: a pipe takes what is large in pieces. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}
