import { startKafka } from "../start/kafka";
import { startRedis } from "../start/redis";
import { type BreakablePart, breakablePart } from "./breakable-part";
import { type HalfOpenProxy, startHalfOpenProxy } from "./half-open-proxy";

/** A Redis of one's own; what `start` makes is its URL. */
export function breakableRedis(): BreakablePart<string> {
  return breakablePart(startRedis);
}

/** A Kafka of one's own, without topics; what `start` makes is the broker's address. Takes about five seconds. */
export function breakableKafka(): BreakablePart<string> {
  return breakablePart(startKafka);
}

/** A Kafka with a second way in, by a proxy, on which clients stay. */
export interface KafkaWithDoor {
  readonly brokers: string;
  /** Clients that begin here are told no other address. */
  readonly door: HalfOpenProxy;
}

/** As `breakableKafka`; needs Java, for the Docker engine has no doors. `drop` leaves the door to its owner. */
export function breakableKafkaWithDoor(): BreakablePart<KafkaWithDoor> {
  let door: HalfOpenProxy | undefined;
  return breakablePart(async (system) => {
    const port = await system.ports.choose("Kafka's door", 0);
    door ??= await startHalfOpenProxy(`tcp://127.0.0.1:${port}`);
    const brokers = await startKafka(system, [{ port, advertisedPort: Number(new URL(door.url).port) }]);
    return { brokers, door };
  });
}
