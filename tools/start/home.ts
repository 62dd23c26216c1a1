import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { projectRoot } from "../../runtime/project-root";

/** The folder in which a local system lives: its data, addresses and passwords. */
export interface Home {
  readonly folder: string;
  /** A path inside the folder. */
  path(...parts: string[]): string;
}

/** `ORDERS_HOME`, otherwise `.local` in the project. The folder is made, closed to other users, if it is not there. */
export function openHome(env: Readonly<Record<string, string | undefined>> = process.env): Home {
  const folder = resolve(env["ORDERS_HOME"] || join(projectRoot(), ".local"));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { folder, path: (...parts) => join(folder, ...parts) };
}

/** Replaces a file as a whole: a reader sees the old text or the new one, never a part. Only its owner may read it. */
export function writeWhole(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, path);
}

/** The object in a JSON file; an empty one if there is none or it was damaged. */
export function readObject(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
