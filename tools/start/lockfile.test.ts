import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";

interface Lockfile {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>;
}

// npm leaves out of the lockfile what it could not find while it wrote it, and then `npm ci` refuses the lockfile.
test("the lockfile names every optional package that a package of it asks for", () => {
  const { packages } = JSON.parse(readFileSync(join(projectRoot(), "package-lock.json"), "utf8")) as Lockfile;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});
