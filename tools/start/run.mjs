// Runs a program of dist/ for npm, with everything that it needs made ready first: node tools/start/run.mjs PROGRAM ARGUMENT…
// In the same process, so that whoever ends npm ends the program, and with nothing on standard output before its own.
import "./prepare.mjs";

process.argv.splice(1, 1);
const [, program] = process.argv;
await import(new URL(`../../${program}`, import.meta.url));
