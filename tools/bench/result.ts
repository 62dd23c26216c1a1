import type { Plot } from "./plot";

/** The values of one row of a result, one a round. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The row that this one is set against, round by round. */
  readonly reference?: string;
}

export interface Row {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

export interface Goal {
  readonly goal: string;
  readonly value: number;
  readonly bar: number;
  readonly met: boolean;
}

/** What a bench finds out; rows that could not be measured are in `leftOut`, with the reason. */
export interface Measured {
  readonly series: readonly Series[];
  readonly goals: readonly Goal[];
  readonly leftOut: readonly string[];
  readonly plot?: Plot | undefined;
}

/** @param values at least one */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** @param values at least one */
export function percentileOf(values: readonly number[], percentile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percentile) / 100) - 1)] ?? Number.NaN;
}

/** The median of a row; undefined if it was not measured. */
export function medianIn(all: readonly Series[], name: string): number | undefined {
  const values = all.find((series) => series.name === name)?.values;
  return values?.length ? medianOf(values) : undefined;
}

export function seriesOf(values: ReadonlyMap<string, readonly number[]>, unitOf: (name: string) => string): Series[] {
  return [...values].map(([name, each]) => ({ name, unit: unitOf(name), values: each }));
}

export function rowOf({ values, unit }: Series): Row {
  const [median, min, max] = [medianOf(values), Math.min(...values), Math.max(...values)];
  return { median: rounded(median), min: rounded(min), max: rounded(max), unit };
}

/**
 * One row against another: the median of the rounds' ratios, because what disturbs the machine for a while disturbs
 * both. Undefined when one of them was not measured.
 */
export function ratioOf(all: readonly Series[], name: string, reference: string): number | undefined {
  const [ours, theirs] = [name, reference].map((each) => all.find((series) => series.name === each)?.values);
  if (!ours || !theirs) return undefined;
  return medianOf(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** A goal that asks for a ratio of at least `bar`; none when a row is missing. */
export function ratioGoal(
  all: readonly Series[],
  goal: string,
  [name, reference]: [string, string],
  bar: number,
): Goal[] {
  const value = ratioOf(all, name, reference);
  return value === undefined ? [] : [{ goal, value: rounded(value), bar, met: value >= bar }];
}

/** To three digits that count. */
export function rounded(value: number): number {
  return Number(value.toPrecision(value >= 1_000 ? 5 : 3));
}
