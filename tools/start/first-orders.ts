import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { projectRoot } from "../../runtime/project-root";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { System } from "./system";

const LIMIT_MS = 30_000;

/** The id of the example order. */
export function sampleId(): string {
  const example: unknown = JSON.parse(readFileSync(join(projectRoot(), "ingestor/order-example.json"), "utf8"));
  return String((example as { order_uid: unknown }).order_uid);
}

/**
 * Sends the example order and five generated ones the whole way, unless they came through an earlier time, and waits
 * until the reader has them: what the page's address is printed for is then known to work.
 *
 * @throws StartError if they cannot be published, or do not come out within half a minute
 */
export async function publishFirstOrders(system: System, brokers: string, readerUrl: string): Promise<void> {
  if (await isReadable(readerUrl, sampleId())) return;
  const publish = async (...options: string[]): Promise<string[]> => {
    const { stdout } = await runTool(
      process.execPath,
      [join(projectRoot(), "dist/tools/publish.js"), ...options, "--json"],
      {
        signal: system.signal,
        env: { ...process.env, KAFKA_BROKERS: brokers },
      },
    );
    const { ids } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { ids: string[] };
    return ids;
  };
  await system.steps.step("the first orders went from Kafka to the page", async () => {
    const published = await Promise.all([publish("--sample"), publish("--generate", "5", "--seed", "1")]);
    const deadline = Date.now() + LIMIT_MS;
    for (const id of published.flat()) {
      while (!(await isReadable(readerUrl, id))) {
        if (Date.now() > deadline) throw new StartError(`order ${id} was published and cannot be read after 30 s`);
        await delay(50, undefined, { signal: system.signal });
      }
    }
  });
}

/** Whether the reader gives this order out. */
export async function isReadable(readerUrl: string, id: string): Promise<boolean> {
  try {
    const answer = await fetch(`${readerUrl}/orders/${encodeURIComponent(id)}`, { signal: AbortSignal.timeout(5_000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}
