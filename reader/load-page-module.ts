import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../runtime/project-root";

/** Where the page's files are, also for what was compiled: they are served, and imported, as they are. */
export const PAGE_FOLDER = join(projectRoot(), "reader/page");

/** Imports one of the page's own modules, to say what the page says. @param name such as `language.js` */
export function loadPageModule<Exports>(name: string): Promise<Exports> {
  return import(pathToFileURL(join(PAGE_FOLDER, name)).href);
}
