/** What is looked at, in the order in which it is told. */
export const checks = [
  ...["node", "packages", "disk", "ports"],
  ...["kafka", "topics", "postgres", "clock", "migrations", "rights", "redis"],
  ...["ingestor", "reader", "outbox", "gaps", "lag"],
] as const;
export type Check = (typeof checks)[number];

/** What one look has shown. Whatever is not well comes with its mend. */
export type Finding =
  | { readonly check: Check; readonly state: "well"; readonly what: string }
  | { readonly check: Check; readonly state: "unwell"; readonly what: string; readonly mend: string }
  /** It could not be looked at, because of what another finding tells, or because it is not used here. */
  | { readonly check: Check; readonly state: "not-asked"; readonly what: string };

export function well(check: Check, what: string): Finding {
  return { check, state: "well", what };
}

export function unwell(check: Check, what: string, mend: string): Finding {
  return { check, state: "unwell", what, mend };
}

export function notAsked(check: Check, because: string): Finding {
  return { check, state: "not-asked", what: because };
}

/** What is wrong with one thing, or else one finding that all of it is well. */
export function orWell(wrong: readonly Finding[], check: Check, what: string): readonly Finding[] {
  return wrong.length > 0 ? wrong : [well(check, what)];
}
