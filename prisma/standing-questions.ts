import type pg from "pg";
import { type Connection, openConnection } from "./open-connection";

/**
 * What is asked every second or two for as long as a process runs, also while nothing comes in, and is more than half of
 * what an idle process does. So it goes over a connection of its own, as statements that are prepared once: Prisma's way
 * for the same question takes three times the processor time here, and its planning twice that of the answer there.
 *
 * The connection is opened with the first question and given up with its end and after whatever goes wrong on it; the
 * next question opens another one.
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
  let opening: Promise<Connection> | undefined;
  const giveUp = async (given: Promise<Connection> | undefined): Promise<void> => {
    // Several questions fail with their connection; the first of them may have opened another one by now.
    if (opening === given) opening = undefined;
    await given?.then(
      ({ close }) => close(),
      () => {},
    );
  };
  const open = (): Promise<Connection> => {
    const opened = openConnection(databaseUrl, { name, answerWithinMs: ANSWER_TIMEOUT_MS });
    // One that ends between two questions shall not cost the next one its answer.
    opened.then(
      ({ client }) => client.once("end", () => void giveUp(opened)),
      () => {},
    );
    return opened;
  };
  return {
    ask: async (question, values) => {
      opening ??= open();
      const used = opening;
      try {
        return await (await used).ask({ ...question, values: [...values] });
      } catch (error) {
        await giveUp(used);
        throw error;
      }
    },
    close: () => giveUp(opening),
  };
}
