import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The folder that holds this project's package.json: the same for sources and for the compiled files under dist/,
 * which carry no copy of migrations, pages and examples.
 *
 * @throws Error when no package.json stands above this file, which means a damaged installation.
 */
export function projectRoot(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder))
      throw new Error(`no package.json above ${__dirname}: is the installation complete?`);
  }
}
