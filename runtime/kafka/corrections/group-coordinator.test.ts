import { KafkaJSError } from "kafkajs";
import { Cluster } from "../internals";
import { installCorrections } from "./install";

installCorrections();

/** A cluster whose brokers fail one after the other; kafkajs keeps their errors to itself. */
const find = (withBroker: () => Promise<unknown>): Promise<unknown> =>
  Cluster.prototype.findGroupCoordinatorMetadata.call({ brokerPool: { withBroker } } as unknown as Cluster, {
    groupId: "orders-ingestor",
    coordinatorType: 0,
  });

test("a coordinator that no broker can name is asked for again (kafkajs: the consumer ends)", async () => {
  const error = await find(async () => null).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(KafkaJSError);
  expect(error).toMatchObject({ retriable: true, message: "Failed to find group coordinator" });
});

test("a coordinator that is named is given, and another error stays as it is", async () => {
  const coordinator = { nodeId: 1 };
  expect(await find(async () => ({ coordinator }))).toEqual({ coordinator });
  const lost = new Error("lost");
  await expect(find(() => Promise.reject(lost))).rejects.toBe(lost);
});
