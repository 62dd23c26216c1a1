import { setTimeout as sleep } from "node:timers/promises";
import type { OrderSource } from "../prisma/read-orders";
import { backoffMs } from "../runtime/backoff";
import { untilBeat } from "../runtime/beat";
import type { Log } from "../runtime/log";
import { createFollower } from "./follow-positions";
import type { OrderCache } from "./order-cache";

/**
 * The one loop that brings orders from Postgres into memory. At start, live and after a lost connection a round is the
 * same: read the positions, read the rows between the cursor and them, keep the rows, move the cursor. A hint (a notice,
 * a new subscription) begins a round, and so does the poll; a hint that comes during a round begins another one.
 *
 * - `loading`: from the start until the first round is through, which reads newest first. A lost connection does not
 *   begin it anew. → `live`
 * - `live`: the last round was level with the positions that it had read. A round that fails → `stale`
 * - `stale`: the last attempt failed. What is kept is still right, because orders never change, but new ones may be
 *   missing. Attempts go on, each on a new connection and after a growing wait that no hint cuts short; the first that
 *   comes through → `live`
 */
export type RefreshState =
  | { readonly kind: "loading"; readonly because?: string }
  | { readonly kind: "live" }
  | { readonly kind: "stale"; readonly since: Date; readonly because: string };

export interface Refresh {
  /** Says that it is worth looking. Never waits, may be called at any rate. */
  wake(): void;
  state(): RefreshState;
  /** Orders that came by this loop since the start. */
  loadedOrders(): number;
  /** Offsets between the cursor and the positions that were read last: 0 once a round is through. */
  behind(): number;
  /** Seconds since the cursor was last seen to be level with Postgres; undefined before the first time. */
  secondsSinceLevel(): number | undefined;
  stop(): Promise<void>;
}

export interface RefreshOptions {
  readonly connect: () => Promise<OrderSource>;
  readonly cache: OrderCache;
  readonly pollMs: number;
  readonly log: Log;
  /** Told once, when the first round is through. */
  readonly onLoaded?: () => void;
  /** Told for each partition that had moved: seconds from the position's move to its orders being readable here. */
  readonly onFreshness?: (seconds: number) => void;
  readonly pageRows?: number;
  readonly random?: () => number;
}

const PAGE_ROWS = 10_000;

/** Begins with the first hint, or with the poll when none comes. */
export function startRefresh({
  connect,
  cache,
  pollMs,
  log,
  onLoaded = () => {},
  onFreshness = () => {},
  pageRows = PAGE_ROWS,
  random = Math.random,
}: RefreshOptions): Refresh {
  const follower = createFollower({ cache, log, onFreshness, pageRows });
  const stopping = new AbortController();
  const { signal } = stopping;
  const startedAt = performance.now();
  let state: RefreshState = { kind: "loading" };
  let source: OrderSource | undefined;
  let failures = 0;
  let lastLevelAt: Date | undefined;
  let isHinted = false;
  let endPause = (): void => {};

  const run = async (): Promise<void> => {
    for (;;) {
      await pause();
      if (signal.aborted) break;
      isHinted = false;
      try {
        source ??= await connect();
        if (!follower.isFilled) await follower.fill(source, signal);
        await follower.catchUp(source, signal);
        if (!signal.aborted) becomeLive();
      } catch (error) {
        await source?.close();
        source = undefined;
        if (!signal.aborted) becomeStale(error);
      }
    }
    await source?.close();
  };

  const pause = async (): Promise<void> => {
    if (failures > 0) {
      await sleep(backoffMs(failures - 1, random()), undefined, { signal }).catch(() => {});
    } else if (!isHinted && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const poll = setTimeout(resolve, untilBeat(pollMs));
        endPause = () => {
          clearTimeout(poll);
          resolve();
        };
      });
    }
  };

  const becomeLive = (): void => {
    if (state.kind === "loading") {
      const seconds = Math.round(performance.now() - startedAt) / 1_000;
      log.info(
        { event: "reader.loaded", orders: cache.size, bytes: cache.bytes, seconds },
        `${cache.size} orders are in memory after ${seconds} s`,
      );
    } else if (failures > 0) {
      log.info({ event: "reader.refresh-recovered", failures }, "level with Postgres again");
    }
    const isFirst = state.kind === "loading";
    failures = 0;
    lastLevelAt = new Date();
    state = { kind: "live" };
    if (isFirst) onLoaded();
  };

  const becomeStale = (error: unknown): void => {
    failures += 1;
    if (failures === 1) {
      log.warn(
        { event: "reader.refresh-failed", err: error },
        "new orders cannot be read; those in memory are served on, and attempts go on",
      );
    }
    const because = error instanceof Error ? error.message || error.name : String(error);
    state =
      state.kind === "loading"
        ? { kind: "loading", because }
        : { kind: "stale", since: lastLevelAt ?? new Date(), because };
  };

  const running = run();
  return {
    wake: () => {
      isHinted = true;
      endPause();
    },
    state: () => state,
    loadedOrders: () => follower.orders,
    behind: () => follower.behind,
    secondsSinceLevel: () => lastLevelAt && (Date.now() - lastLevelAt.getTime()) / 1_000,
    stop: async () => {
      stopping.abort();
      endPause();
      await source?.close();
      await running;
    },
  };
}
