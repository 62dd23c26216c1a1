// A note of what a step made: by the hash of what it was made from, and by the hash of what it is. What is lost, emptied
// or cut off afterwards, as in a power cut, is then not what was made.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** @param outputs the files' paths in this project */
export function isMade(stamp, input, outputs) {
  return read(stamp) === noteOf(input, outputs);
}

export function noteMade(stamp, input, outputs) {
  writeFileSync(stamp, noteOf(input, outputs));
}

export function hash(...parts) {
  const sha256 = createHash("sha256");
  for (const part of parts) sha256.update(part).update("\0");
  return sha256.digest("hex");
}

export function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function noteOf(input, outputs) {
  return `${input}\n${hash(...[...outputs].sort().flatMap((path) => [path, readFileSync(join(root, path))]))}\n`;
}
