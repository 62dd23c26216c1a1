import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { localHome } from "../local-env";

/** A program that was found or obtained, or why it is not there. */
export type Program = { readonly path: string } | { readonly missing: string };

type Say = (text: string) => void;

/** Where a program is; one of Debian's is installed first where that can be done. */
export function fromDebian(name: string, packageName: string, say: Say): Program {
  const before = onPath(name);
  if (before) return { path: before };
  if (process.getuid?.() === 0 && onPath("apt-get")) {
    say(`installing ${packageName} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    for (const args of [
      ["update", "-qq"],
      ["install", "-y", "-qq", "--no-install-recommends", packageName],
    ]) {
      spawnSync("apt-get", args, { stdio: ["ignore", 2, 2], env });
    }
  }
  const path = onPath(name);
  return path ? { path } : { missing: `${name} is not here: apt-get install ${packageName}` };
}

/** A program from one file of Go, built once for each of its versions. */
export function builtWithGo(source: string, say: Say): Program {
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const path = join(binFolder(), `bench-${hash}`);
  if (existsSync(path)) return { path };
  const go = onPath("go");
  if (!go) return { missing: "Go is not here" };
  say("building the reference in Go …");
  const { status } = spawnSync(go, ["build", "-o", path, source], { stdio: ["ignore", 2, 2] });
  return status === 0 ? { path } : { missing: "Go could not build the reference" };
}

/** A program from a module of Go, at the version that its name ends with, installed once. */
export function withGoInstall(name: string, module: string, say: Say): Program {
  const before = onPath(name) ?? join(binFolder(), name);
  if (existsSync(before)) return { path: before };
  const go = onPath("go");
  if (!go) return { missing: `${name} is not here, nor is Go: go install ${module}` };
  say(`installing ${name} …`);
  const env = { ...process.env, GOBIN: binFolder() };
  const { status } = spawnSync(go, ["install", module], { env, stdio: ["ignore", 2, 2] });
  return status === 0 ? { path: join(binFolder(), name) } : { missing: `${name}: go install ${module} has failed` };
}

function binFolder(): string {
  const folder = join(localHome(), "bin");
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function onPath(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
