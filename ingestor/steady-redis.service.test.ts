import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { testAddress } from "../e2e/support/test-address";
import { SteadyRedis } from "./steady-redis";

const SILENCE_MS = 3_000;

// Fails when ioredis is used as it is: it ends the connection that came next by the time-out of the one that broke.
test.each(["itself", "its duplicate"])(
  "a connection that broke does not end the one that comes next: %s",
  async (which) => {
    const url = testAddress("TEST_REDIS_URL");
    const control = new Redis(url);
    const first = new SteadyRedis(
      { maxRetriesPerRequest: null, retryStrategy: () => 10, socketTimeout: SILENCE_MS },
      url,
    );
    const redis = which === "itself" ? first : first.duplicate();
    const errors: unknown[] = [];
    redis.on("error", (error) => errors.push(error));
    try {
      const key = `steady-${process.pid}`;
      const id = await redis.client("ID");
      const waiting = redis.blpop(key, 0);
      await control.client("KILL", "ID", id);
      await control.rpush(key, "1");
      await waiting;
      const next = await redis.client("ID");
      await delay(SILENCE_MS + 100);
      expect([next === id, await redis.client("ID"), errors]).toEqual([false, next, []]);
    } finally {
      for (const each of [control, first, redis]) each.disconnect();
    }
  },
);
