import type { BreakablePart } from "../chaos/breakable-part";
import { type BreakablePostgres, startBreakablePostgres } from "../chaos/breakable-postgres";
import { breakableKafkaWithDoor, breakableRedis } from "../chaos/breakable-stores";
import { type HalfOpenProxy, startHalfOpenProxy } from "../chaos/half-open-proxy";
import { undoWhenStopped } from "../take-back";

/** What can be stopped, killed and frozen, and a door before each of them that can fall silent. All of the bench's own. */
export interface RecoveryParts {
  readonly postgres: BreakablePostgres;
  readonly kafka: BreakablePart<unknown>;
  readonly redis: BreakablePart<string>;
  /** Past the doors. */
  readonly brokers: string;
  readonly redisUrl: string;
  readonly doors: Readonly<Record<"postgres" | "kafka" | "redis", HalfOpenProxy>>;
  /** Ends them and removes what they have written. */
  drop(): Promise<void>;
}

/** A broker takes a few seconds to stop well, and may be frozen when it is told to. */
const DROPPED_WITHIN_MS = 15_000;

/**
 * Starts them as `npm start` does, each in a temporary folder, on free ports. Takes about ten seconds.
 *
 * @throws StartError if one does not start; none runs any more then
 */
export async function startRecoveryParts(): Promise<RecoveryParts> {
  const drops: (() => Promise<unknown>)[] = [];
  const drop = async (): Promise<void> => {
    await Promise.all(drops.splice(0).map((each) => each()));
    dropped();
  };
  const dropped = undoWhenStopped("PostgreSQL, Kafka and Redis of this bench", drop, DROPPED_WITHIN_MS);
  const started = async <T>(part: BreakablePart<T>): Promise<T> => {
    drops.push(part.drop);
    return part.start();
  };
  const kafka = breakableKafkaWithDoor();
  const redis = breakableRedis();
  const starting = startBreakablePostgres();
  drops.push(() =>
    starting.then(
      (postgres) => postgres.drop(),
      () => {},
    ),
  );
  try {
    const [postgres, { brokers, door }, redisUrl] = await Promise.all([starting, started(kafka), started(redis)]);
    const doors = {
      kafka: door,
      postgres: await startHalfOpenProxy(postgres.urls.ingestor),
      redis: await startHalfOpenProxy(redisUrl),
    };
    for (const each of Object.values(doors)) drops.push(each.close);
    return { postgres, kafka, redis, brokers, redisUrl, doors, drop };
  } catch (error) {
    await drop();
    throw error;
  }
}
