import { setTimeout as delay } from "node:timers/promises";
import type { BenchDatabase } from "./bench-database";
import { memoryOf } from "./machine";
import { readerCommand } from "./reader-command";
import { type Goal, type Measured, medianOf, rounded, type Series } from "./result";
import { startServer } from "./servers";

export interface BootOptions {
  readonly database: BenchDatabase;
  readonly rounds: number;
  /** The largest number of orders. */
  readonly orders: number;
  readonly say: (text: string) => void;
}

const SIZES = [10_000, 100_000, 1_000_000];
/** In which the garbage of the start is given back, as far as it is without anything happening. */
const SETTLE_MS = 2_000;

/** From the reader's start to /readyz, and what it takes then, for growing numbers of orders. */
export async function benchBoot({ database, rounds, orders, say }: BootOptions): Promise<Measured> {
  const series: Series[] = [];
  let goals: readonly Goal[] = [];
  for (const size of [...SIZES.filter((each) => each < orders), orders]) {
    say(`filling the database up to ${size} orders …`);
    const payload = await database.fillTo(size);
    const seconds: number[] = [];
    const settled: number[] = [];
    const highest: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedAt = performance.now();
      const server = await startServer(readerCommand(database.url));
      seconds.push((performance.now() - startedAt) / 1_000);
      await delay(SETTLE_MS);
      const memory = memoryOf(server.pid);
      await server.stop();
      settled.push(memory.now / payload);
      highest.push(memory.highest / payload);
      say(
        `round ${round + 1}: ready in ${seconds.at(-1)?.toFixed(2)} s, ${settled.at(-1)?.toFixed(2)} × the documents`,
      );
    }
    const name = `${size.toLocaleString("en")} orders`;
    const rates = seconds.map((each) => size / each);
    series.push(
      { name: `${name}: start to ready`, unit: "s", values: seconds },
      { name: `${name}: read a second of it`, unit: "orders/s", values: rates },
      { name: `${name}: memory, settled`, unit: "× documents", values: settled },
      { name: `${name}: memory, at its highest`, unit: "× documents", values: highest },
    );
    if (size >= 1_000_000) goals = goalsOf(name, medianOf(rates), medianOf(settled));
  }
  return { series, goals, leftOut: [] };
}

function goalsOf(name: string, rate: number, settled: number): Goal[] {
  return [
    { goal: `orders/s from start to ready, ${name}`, value: rounded(rate), bar: 150_000, met: rate >= 150_000 },
    { goal: `settled memory over documents, ${name}`, value: rounded(settled), bar: 1.35, met: settled <= 1.35 },
  ];
}
