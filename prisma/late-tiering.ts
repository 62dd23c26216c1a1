import { setFlagsFromString } from "node:v8";

/** About as many bytes of a function's code as are run before it is compiled again: Node 22's own, seven times Node 20's. */
const BUDGET = 13_000_000;

/**
 * Prisma's engines are WebAssembly of some megabytes, of which the first questions run a good part. V8 then compiles that
 * part a second time, to run fast for long, on threads of its own: most of it is never run again. Here a function has to
 * have earned it. To be called before an engine is loaded.
 *
 * Processor time on Node 20, on a busy machine in turns: an ingestor's first two seconds 2.0 s → 1.2 s; the first answer of
 * a client 0.35 to 0.46 s → 0.16 to 0.20 s; 16,000 questions 4.2 to 6.8 s → 3.6 to 5.7 s, of which the second half cost the
 * same. These with a budget of 18 million; all of `migrate` took 0.85 to 0.98 s, and takes 0.49 to 0.62 s with either.
 */
export function tierUpLate(): void {
  setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
}
