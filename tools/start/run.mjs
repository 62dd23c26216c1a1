// Runs a program of dist/ for npm, with everything that it needs made ready first: node tools/start/run.mjs PROGRAM ARGUMENT…
// In the same process, so that whoever ends npm ends the program, and with nothing on standard output before its own.
import { prepared } from "./prepare.mjs";

process.argv.splice(1, 1);
const [, program] = process.argv;
const load = (file) => import(new URL(`../../${file}`, import.meta.url).href);

prepared
  .then(() => load("dist/tools/start/npm-end.js"))
  // As if the signal that ended npm had been sent to the program too.
  .then(({ whenNpmEnds }) => whenNpmEnds(() => process.kill(process.pid, "SIGTERM")))
  .then(() => load(program))
  .catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
