import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import type { System } from "./system";

/**
 * Starts the machine's redis-server with the settings that BullMQ needs: nothing is evicted, and what was written
 * survives a restart.
 *
 * @returns its URL
 * @throws StartError if there is no redis-server or it does not start
 */
export async function startRedis(system: System): Promise<string> {
  const folder = system.home.path("redis");
  mkdirSync(folder, { recursive: true });
  const port = await system.ports.choose("Redis", 6379);
  await system.steps.step(`Redis listens on 127.0.0.1:${port}`, async () => {
    const redis = system.supervise({
      name: "Redis",
      command: "redis-server",
      args: [
        ...["--bind", "127.0.0.1", "--port", String(port), "--dir", folder],
        ...["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"],
      ],
      logFile: system.home.path("redis/server.log"),
    });
    await redis.whenReady(() => answersPing(port), 20_000);
  });
  return `redis://127.0.0.1:${port}`;
}

/** Whether a Redis on this port of 127.0.0.1 answers, and has its data again. */
export function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.once("data", (answer) => {
      resolve(answer.toString().startsWith("+PONG"));
      socket.destroy();
    });
    socket.once("error", () => resolve(false)).once("close", () => resolve(false));
  });
}
