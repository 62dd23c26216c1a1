import { whenNpmEnds } from "./npm-end";

/**
 * When to end: a signal, the end of the npm that started us (it may be killed without passing anything on), or the end
 * of a program that holds an IPC channel to us. The first of them counts; a Ctrl-C reaches us twice under npm.
 *
 * @returns a signal whose reason says in words what happened
 */
export function whenToldToEnd(): AbortSignal {
  const controller = new AbortController();
  const end = (reason: string): void => controller.abort(reason);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(signal));
  whenNpmEnds(() => end("npm has ended"));
  // Without `unref` the channel would keep this process alive after all else has ended.
  process.once("disconnect", () => end("the program that started it has ended"));
  process.channel?.unref();
  return controller.signal;
}
