/**
 * The environment of every Java program. Where the locale is C, as in containers, under cron and by ssh, Java on Linux
 * takes each letter beyond ASCII of a path for a question mark. macOS and Windows tell it how paths are written.
 */
export function javaEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...(process.platform === "linux" ? { LC_ALL: "C.UTF-8" } : {}), ...more };
}
