import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { StartError } from "./steps";

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

/**
 * A system that ran once as root in somebody's home would leave files there that its owner can neither use nor remove.
 *
 * @param user whoever starts it; not known on Windows
 * @throws StartError if the home is another user's
 */
export function requireOwnHome({ folder }: Home, user = process.getuid?.()): void {
  const owner = statSync(folder).uid;
  if (user === undefined || owner === user) return;
  throw new StartError(
    `${folder} is the home of another user (uid ${owner}, and this is ${user}): start as that user, or name a folder of your own by ORDERS_HOME`,
  );
}

/** Replaces a file as a whole: a reader sees the old text or the new one, never a part. Only its owner may read it. */
export function writeWhole(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, path);
}

/** A power cut from now on leaves the file whole. */
export function flush(path: string): void {
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
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
