import type pg from "pg";
import { createLastingConnection } from "./lasting-connection";

/**
 * What is asked every second or two for as long as a process runs, also while nothing comes in, and is more than half of
 * what an idle process does. So it goes over a connection of its own, as statements that are prepared once: Prisma's way
 * for the same question takes three times the processor time here, and its planning twice that of the answer there.
 */
export interface StandingQuestions {
  /** @throws the server's error, or that of a connection which cannot be had, is lost or silent */
  ask<Row extends pg.QueryResultRow>(question: StandingQuestion, values: readonly unknown[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export interface StandingQuestion {
  /** Under which the server keeps it prepared; one text, one name. */
  readonly name: string;
  readonly text: string;
}

/** Longer than a busy server takes; a frozen one, or a half-open socket, gives no answer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** @param name shown in pg_stat_activity */
export function createStandingQuestions(databaseUrl: string, name: string): StandingQuestions {
  const connection = createLastingConnection(databaseUrl, { name, answerWithinMs: ANSWER_TIMEOUT_MS });
  return {
    ask: (question, values) => connection.use(({ ask }) => ask({ ...question, values: [...values] })),
    close: connection.close,
  };
}
