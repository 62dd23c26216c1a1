import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What the tests need beyond npm and Maven: each Debian package with the programs of which one must be there. */
const NEEDED = {
  "redis-server": ["redis-server"],
  wrk: ["wrk"],
  chromium: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
} as const;

/**
 * Makes sure that the tests' programs are on this machine; installs them where root and apt-get can.
 *
 * @throws Error with the line to type, because a test that cannot run is no success
 */
export function requirePrograms(): void {
  if (missing().length === 0) return;
  if (process.getuid?.() === 0 && onPath("apt-get")) {
    process.stderr.write(`installing ${missing().join(" and ")} for the tests …\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", 2, 2], env });
    const install = ["install", "-y", "-qq", "--no-install-recommends", ...missing()];
    spawnSync("apt-get", install, { stdio: ["ignore", 2, 2], env });
  }
  if (missing().length === 0) return;
  const packages = missing().join(" ");
  throw new Error(`the tests need ${packages}: sudo apt-get update && sudo apt-get install -y ${packages}`);
}

/** Where a program of that Debian package is. @throws Error if it is not on this machine */
export function pathOf(name: "redis-server" | "wrk" | "chromium"): string {
  for (const program of NEEDED[name]) {
    const path = onPath(program);
    if (path !== undefined) return path;
  }
  throw new Error(`${name} is not on this machine's PATH`);
}

function missing(): string[] {
  return Object.entries(NEEDED).flatMap(([name, programs]) =>
    programs.some((program) => onPath(program)) ? [] : [name],
  );
}

function onPath(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
