import { Redis, type RedisOptions } from "ioredis";

/**
 * ioredis (5.11.1) keeps the timer of `socketTimeout` when the connection closes with a command in flight. It then ends
 * the next connection, which may be well, and until then nothing guards that one. Here the timer ends with its connection.
 */
export class SteadyRedis extends Redis {
  constructor(options: RedisOptions, url?: string) {
    if (url === undefined) super(options);
    else super(url, options);
    this.on("close", () => {
      clearTimeout(this["socketTimeoutTimer"] as NodeJS.Timeout | undefined);
      this["socketTimeoutTimer"] = undefined;
    });
  }

  /** BullMQ makes the connection on which its worker waits by this. */
  override duplicate(override?: Partial<RedisOptions>): SteadyRedis {
    return new SteadyRedis({ ...this.options, ...override });
  }
}
