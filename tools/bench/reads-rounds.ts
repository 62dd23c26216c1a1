/** Who is measured, and whether others are only set against it: a reference that fails costs no more than its own row. */
export interface Measurable {
  readonly name: string;
  readonly isReference: boolean;
  /** Asked in another way, which is measured with the first number of connections alone. */
  readonly asks?: string | undefined;
}

export interface RoundsOptions<One extends Measurable> {
  readonly rounds: number;
  readonly connections: readonly number[];
  /** @returns requests a second, and the processor time of one in microseconds */
  readonly measure: (one: One, connections: number) => Promise<readonly [rate: number, cpu: number]>;
  readonly say: (text: string) => void;
}

/** The values of each row, one a round; and the rows that have none, because a reference failed, with the reason. */
export interface Rounds {
  readonly values: ReadonlyMap<string, readonly number[]>;
  readonly leftOut: readonly string[];
}

export const rowName = (name: string, connections: number): string => `${name}, ${connections} connections`;
export const cpuRowName = (name: string, connections: number): string =>
  `${rowName(name, connections)}, processor time`;

/**
 * Measures all, round by round. Rows are set against each other by rounds, so one that lacks a round is left out whole.
 *
 * @throws what fails when it is no reference that is measured
 */
export async function measureRounds<One extends Measurable>(
  all: readonly One[],
  { rounds, connections, measure, say }: RoundsOptions<One>,
): Promise<Rounds> {
  const values = new Map<string, number[]>();
  const leftOut = new Map<string, string>();
  const push = (name: string, value: number): void => void values.set(name, [...(values.get(name) ?? []), value]);
  for (let round = 0; round < rounds; round++) {
    for (const count of connections) {
      // Another one begins in each round.
      for (const at of all.keys()) {
        const one = all[(at + round) % all.length];
        if (!one || (one.asks && count !== connections[0])) continue;
        const [row, cpuRow] = [rowName(one.name, count), cpuRowName(one.name, count)];
        if (leftOut.has(row)) continue;
        try {
          const [rate, cpu] = await measure(one, count);
          say(`round ${round + 1}: ${row} ${Math.round(rate)} req/s, ${cpu.toFixed(1)} µs`);
          push(row, rate);
          push(cpuRow, cpu);
        } catch (error) {
          if (!one.isReference) throw error;
          const reason = error instanceof Error ? error.message : String(error);
          say(`round ${round + 1}: ${row} is left out: ${reason}`);
          leftOut.set(row, `${row}, because in round ${round + 1} ${reason}`);
          for (const each of [row, cpuRow]) values.delete(each);
        }
      }
    }
  }
  return { values, leftOut: [...leftOut.values()] };
}
