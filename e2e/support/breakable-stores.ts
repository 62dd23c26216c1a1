import { startKafka } from "../../tools/start/kafka";
import { startRedis } from "../../tools/start/redis";
import { type BreakablePart, breakablePart } from "./breakable-part";

/** A Redis of a test's own; what `start` makes is its URL. */
export function breakableRedis(): BreakablePart<string> {
  return breakablePart(startRedis);
}

/** A Kafka of a test's own, without topics; what `start` makes is the broker's address. Takes about five seconds. */
export function breakableKafka(): BreakablePart<string> {
  return breakablePart(startKafka);
}
