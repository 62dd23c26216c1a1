import { setTimeout as delay } from "node:timers/promises";
import { ingestorCommand } from "./ingestor-command";
import { readerCommand } from "./reader-command";
import type { Fault } from "./recovery-faults";
import { type Lot, openRecoveryLoad, type RecoveryLoad } from "./recovery-load";
import type { RecoveryParts } from "./recovery-parts";
import { type RunningServer, startServer } from "./servers";

/** What works on the records of one topic while parts are broken under it. */
export interface RecoverySystem {
  readonly parts: RecoveryParts;
  readonly load: RecoveryLoad;
  readonly ingestor: RunningServer;
  readonly reader: RunningServer;
  /** @throws Error when some of them still wait after two minutes */
  untilOver(lot: Lot): Promise<void>;
}

const LOOK_EVERY_MS = 20;
const OVER_WITHIN_MS = 120_000;

/**
 * Runs an ingestor of a topic of its own, and a reader, for as long as they are used.
 *
 * @param warmUp so many orders are stored before: by then the code is compiled, and memory is what it usually is
 */
export async function withIngestor(
  { kind, parts, warmUp }: { kind: Fault["ingestor"]; parts: RecoveryParts; warmUp: number },
  use: (system: RecoverySystem) => Promise<void>,
): Promise<void> {
  const { postgres, doors } = parts;
  const load = await openRecoveryLoad(parts.brokers, postgres.urls.owner);
  const running: RunningServer[] = [];
  const start = async (command: Parameters<typeof startServer>[0]): Promise<RunningServer> => {
    const server = await startServer(command);
    running.push(server);
    return server;
  };
  const untilOver = async (lot: Lot): Promise<void> => {
    for (const deadline = performance.now() + OVER_WITHIN_MS; ; await delay(LOOK_EVERY_MS)) {
      const { orders, letters } = await load.stillWaiting(lot).catch(() => lot);
      if (orders.length + letters.length === 0) return;
      if (performance.now() > deadline) {
        throw new Error(`${orders.length} orders and ${letters.length} dead letters still wait after two minutes`);
      }
    }
  };
  try {
    const isByDoors = kind === "by doors";
    const ingestor = await start(
      ingestorCommand({
        ...{ topic: load.topic, group: load.topic.name },
        databaseUrl: isByDoors ? doors.postgres.url : postgres.urls.ingestor,
        brokers: isByDoors ? new URL(doors.kafka.url).host : parts.brokers,
        redisUrl: isByDoors ? doors.redis.url : kind === "with Redis" ? parts.redisUrl : undefined,
      }),
    );
    const reader = await start({ ...readerCommand(postgres.urls.reader), isPinned: false });
    await untilOver(await load.publish(warmUp, 100));
    await use({ parts, load, ingestor, reader, untilOver });
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
    await load.close();
  }
}
