import type { Kafka } from "kafkajs";
import { createClusterKey, READ_UNCOMMITTED } from "./internals";

/**
 * The same client, whose admins tell where logs really end. kafkajs' admins know of nothing behind the first record of a
 * transaction that is still open; what others have written behind it is in the log all the same.
 */
export function seeingUncommitted(kafka: Kafka): Kafka {
  const key = createClusterKey(kafka);
  const create = Reflect.get(kafka, key) as (wish: object) => object;
  const value = (wish: object): object => create({ ...wish, isolationLevel: READ_UNCOMMITTED });
  return Object.create(kafka, { [key]: { value } }) as Kafka;
}
