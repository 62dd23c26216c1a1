import { spawnSync } from "node:child_process";
import { UsageError } from "../usage-error";

/** What the film needs: each Debian package with the programs of which one must be there. */
const NEEDED = { ffmpeg: ["ffmpeg"], chromium: ["chromium", "chromium-browser", "google-chrome"] } as const;

/**
 * The browser's program. What is missing is installed where root and apt-get can.
 *
 * @throws UsageError with the line to type
 */
export function requirePrograms(): { readonly chromium: string } {
  const missing = (): string[] =>
    Object.entries(NEEDED).flatMap(([name, programs]) => (findProgram(programs) ? [] : [name]));
  if (missing().length > 0 && process.getuid?.() === 0 && findProgram(["apt-get"])) {
    process.stderr.write(`installing ${missing().join(" and ")} …\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing()], { stdio: "ignore", env });
  }
  const packages = missing().join(" ");
  if (packages) throw new UsageError(`the film needs ${packages}: sudo apt-get install -y ${packages}`);
  return { chromium: findProgram(NEEDED.chromium) ?? "" };
}

function findProgram(names: readonly string[]): string | undefined {
  const found = names.map((name) => spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }));
  return found.find(({ status }) => status === 0)?.stdout.trim();
}
