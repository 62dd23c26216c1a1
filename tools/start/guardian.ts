import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { Home } from "./home";

/** Ends the supervised processes should the supervisor be killed before it can: see guardian.sh. */
export interface Guardian {
  add(pid: number, signal: NodeJS.Signals): void;
  remove(pid: number): void;
  /** Nothing is left to guard. */
  dismiss(): void;
}

export function callGuardian(home: Home): Guardian {
  // Windows has no sh; there the next start ends what was left.
  if (process.platform === "win32") return { add: () => {}, remove: () => {}, dismiss: () => {} };
  // The folder is for people who look at the list of processes.
  const sh = spawn("sh", [join(projectRoot(), "tools/start/guardian.sh"), home.folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  sh.unref();
  // A guardian that died leaves the start-up's own cleaning, which suffices in all but that one case.
  sh.on("error", () => {});
  sh.stdin.on("error", () => {});
  const tell = (line: string): void => {
    if (sh.stdin.writable) sh.stdin.write(`${line}\n`);
  };
  return {
    add: (pid, signal) => tell(`add ${pid} ${signal.replace(/^SIG/, "")}`),
    remove: (pid) => tell(`remove ${pid}`),
    dismiss: () => {
      tell("bye");
      sh.stdin.end();
    },
  };
}
