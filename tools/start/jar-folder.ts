import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { flush, writeWhole } from "./home";

/** Fetched jars under `libs`, and beside them the list of their sizes, by which a later loss is seen. */
const LIST = "jars.json";

/**
 * Accepts what was fetched: every jar must end as a jar does. A power cut afterwards takes nothing back.
 *
 * @returns the jar that is cut off, if there is one; the folder is then not accepted
 */
export function acceptJars(folder: string): string | undefined {
  const libs = join(folder, "libs");
  const jars = readdirSync(libs);
  const damaged = jars.find((jar) => !isWhole(join(libs, jar)));
  if (damaged !== undefined) return damaged;
  for (const jar of jars) flush(join(libs, jar));
  const sizes = Object.fromEntries(jars.map((jar) => [jar, statSync(join(libs, jar)).size]));
  writeWhole(join(folder, LIST), `${JSON.stringify(sizes, null, 2)}\n`);
  return undefined;
}

/** What is wrong with a folder that was accepted once; nothing if it is as it was. */
export function damagedJar(folder: string): string | undefined {
  let sizes: Record<string, unknown>;
  try {
    sizes = JSON.parse(readFileSync(join(folder, LIST), "utf8"));
  } catch {
    return "the list of its jars is missing";
  }
  for (const [jar, size] of Object.entries(sizes)) {
    const found = statSync(join(folder, "libs", jar), { throwIfNoEntry: false })?.size;
    if (found !== size) return found === undefined ? `${jar} is missing` : `${jar} is cut off`;
  }
  return undefined;
}

const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;

/** A jar is a zip file: it ends with a record that says where its directory is, and the directory stands just before. */
function isWhole(jar: string): boolean {
  const { size } = statSync(jar);
  const tail = Buffer.alloc(Math.min(size, END_BYTES + LONGEST_COMMENT));
  const file = openSync(jar, "r");
  readSync(file, tail, 0, tail.length, size - tail.length);
  closeSync(file);
  const end = tail.lastIndexOf("PK\u0005\u0006", undefined, "latin1");
  if (end < 0 || end + END_BYTES > tail.length) return false;
  const directory = tail.readUInt32LE(end + 12) + tail.readUInt32LE(end + 16);
  return directory <= size - tail.length + end;
}
