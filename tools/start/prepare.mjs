// Makes a clone ready to run. npm runs this before `npm start` and `npm test`; with nothing to do it takes a tenth of a
// second and says nothing. This file looks at Node alone, in words that Node 12 understands: an older Node shall be told
// so, and not fail on the syntax of what comes after.
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
requireNode(manifest.engines.node);

/** Resolves when everything is ready; what fails is said, and ends the process. */
export const prepared = import("./make-ready.mjs");

/** Understands the forms that package.json uses: `^20.19 || ^22.12 || >=24`. */
function requireNode(range) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const fits = range.split("||").some((alternative) => {
    const [, sign, wantedMajor, wantedMinor = 0] = /^\s*(\^|>=)(\d+)(?:\.(\d+))?\s*$/.exec(alternative) || [];
    const newer = major === Number(wantedMajor) && minor >= Number(wantedMinor);
    return newer || (sign === ">=" && major > Number(wantedMajor));
  });
  if (fits) return;
  process.stderr.write(
    `Node ${process.versions.node} cannot run this project: it needs Node ${range} (https://nodejs.org).\n`,
  );
  process.exit(1);
}
