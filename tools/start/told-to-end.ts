import { commandLine, parentOf } from "./process-identity";

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
  if (process.env["npm_lifecycle_event"] !== undefined) {
    const before = ancestors();
    setInterval(() => ancestors() !== before && end("npm has ended"), 250).unref();
  }
  // Without `unref` the channel would keep this process alive after all else has ended.
  process.once("disconnect", () => end("the program that started it has ended"));
  process.channel?.unref();
  return controller.signal;
}

/** npm runs a script by a shell, which either makes way for the script or stays between, and then outlives npm. */
function ancestors(): string {
  const parent = process.ppid;
  return /^\S*sh -c /.test(commandLine(parent)) ? `${parent} ${parentOf(parent)}` : `${parent}`;
}
