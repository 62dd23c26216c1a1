import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, openConnection } from "../prisma/open-connection";
import { ORDERS_CHANNEL } from "../prisma/order-channel";
import { backoffMs } from "../runtime/backoff";
import type { Log } from "../runtime/log";

/**
 * Hears the ingestor's notices, on a connection of its own. A notice is a hint that it is worth looking into Postgres;
 * nothing depends on its coming.
 *
 * - `connecting`: no notice can come. On success LISTEN is sent and somebody is told to look, because whatever was
 *   said before was not heard. → `listening`; on failure → `waiting`.
 * - `listening`: each notice tells somebody to look. A heartbeat, a query with a deadline, finds out about a socket that
 *   is half open, which raises no event. When the connection ends or a heartbeat fails → `waiting`.
 * - `waiting`: a growing time with jitter passes → `connecting`.
 * - `stopped`: final, from every state.
 */
export interface Listener {
  isListening(): boolean;
  stop(): Promise<void>;
}

export interface ListenOptions {
  readonly databaseUrl: string;
  readonly log: Log;
  /** Told on every notice and on every (re)subscription. */
  readonly onHint: () => void;
  readonly heartbeatMs?: number;
  readonly random?: () => number;
}

/** With the deadline below a half-open socket is found out within five seconds; the poll covers that time. */
const HEARTBEAT_MS = 3_000;
const ANSWER_WITHIN_MS = 2_000;

/** Begins to listen at once, and goes on until stopped whatever happens to Postgres. */
export function listen({
  databaseUrl,
  log,
  onHint,
  heartbeatMs = HEARTBEAT_MS,
  random = Math.random,
}: ListenOptions): Listener {
  const stopping = new AbortController();
  let isListening = false;
  let failures = 0;
  /** A process that is just starting may be too busy to hear the first answer in time; nothing is lost by that. */
  let hasListened = false;

  /** Ends early when the signal comes. */
  const pause = (ms: number, signal: AbortSignal): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => {});

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const error = await listenOnce().catch((error: unknown) => error);
      isListening = false;
      if (stopping.signal.aborted) return;
      failures += 1;
      if (failures === (hasListened ? 1 : 2)) {
        log.warn(
          { event: "reader.listen-lost", err: error },
          "notices cannot be heard; the poll goes on, and so do attempts",
        );
      }
      await pause(backoffMs(failures - 1, random()), stopping.signal);
    }
  };

  /** Listens on one connection until it is lost (rejects) or listening is stopped (resolves). */
  const listenOnce = async (): Promise<void> => {
    const connection = await openConnection(databaseUrl, {
      name: "orders-reader-listen",
      answerWithinMs: ANSWER_WITHIN_MS,
    });
    const ended = endOf(connection, stopping.signal);
    try {
      connection.client.on("notification", onHint);
      await connection.ask(`LISTEN ${ORDERS_CHANNEL}`);
      if (failures > (hasListened ? 0 : 1))
        log.info({ event: "reader.listen-recovered", failures }, "notices are heard again");
      isListening = true;
      hasListened = true;
      failures = 0;
      onHint();
      while (!stopping.signal.aborted) {
        await pause(heartbeatMs, ended.signal);
        if (ended.loss) throw ended.loss;
        if (!stopping.signal.aborted) await connection.ask("SELECT 1");
      }
    } finally {
      ended.forget();
      await connection.close();
    }
  };

  const running = run();
  return {
    isListening: () => isListening,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/**
 * A signal for the end of a connection, by itself or because listening is stopped. One for its whole life: whatever is
 * made anew at every heartbeat and waits for that end is kept in memory until it comes.
 */
function endOf({ client }: Connection, stopping: AbortSignal) {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  const ended = {
    signal: controller.signal,
    /** Why the connection ended, if it did so by itself. */
    loss: undefined as Error | undefined,
    forget: () => stopping.removeEventListener("abort", end),
  };
  stopping.addEventListener("abort", end);
  for (const event of ["error", "end"] as const) {
    client.once(event, (error?: Error) => {
      ended.loss ??= error ?? new Error("the connection has ended");
      end();
    });
  }
  return ended;
}
