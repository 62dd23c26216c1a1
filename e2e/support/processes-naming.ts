import { readdirSync, readFileSync } from "node:fs";

/** The living processes whose command line or environment names this text, as `pid command`. Linux only. */
export function processesNaming(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = readProc(pid, "cmdline");
      // A zombie has neither; it is gone but for its parent's notice.
      const isNaming = command.includes(text) || readProc(pid, "environ").includes(`ORDERS_HOME=${text}`);
      return isNaming ? [`${pid} ${command}`.trim()] : [];
    });
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
