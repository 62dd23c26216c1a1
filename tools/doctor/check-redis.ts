import { Redis } from "ioredis";
import { type Finding, notAsked, orWell, unwell } from "./finding";

const ANSWER_WITHIN_MS = 3_000;

/** Whether Redis keeps what BullMQ gives it. What is lost there is found by the sweep, but later. */
export async function checkRedis(url: string | undefined): Promise<readonly Finding[]> {
  if (url === undefined) return [notAsked("redis", "not used: BullMQ keeps its jobs in PostgreSQL")];
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: ANSWER_WITHIN_MS,
    commandTimeout: ANSWER_WITHIN_MS,
  });
  // The failed command says no more than that the connection is closed; this says why.
  let why: Error | undefined;
  redis.on("error", (error) => {
    why ??= error;
  });
  try {
    await redis.connect();
    const info = `${await redis.info("memory")}${await redis.info("persistence")}`;
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
    const wrong: Finding[] = [];
    if (policy !== "noeviction") {
      wrong.push(
        unwell("redis", `it may evict jobs (maxmemory-policy ${policy})`, "CONFIG SET maxmemory-policy noeviction"),
      );
    }
    if (!/^aof_enabled:1/m.test(info)) {
      wrong.push(unwell("redis", "jobs are lost with its process (appendonly no)", "CONFIG SET appendonly yes"));
    }
    return orWell(wrong, "redis", "it evicts nothing, and keeps what it was given");
  } catch (error) {
    const what = `cannot reach Redis at ${new URL(url).host}: ${(why ?? (error as Error)).message}`;
    return [
      unwell("redis", what, "start it, or name another in REDIS_URL; dead letters wait meanwhile, orders do not"),
    ];
  } finally {
    redis.disconnect();
  }
}
