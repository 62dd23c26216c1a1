import { randomBytes } from "node:crypto";
import { Partitioners } from "kafkajs";
import { createQuickPartitioner } from "./partitioner";

const partitionMetadata = Array.from({ length: 1_009 }, (_, partitionId) => ({
  ...{ partitionErrorCode: 0, partitionId, leader: 1 },
  ...{ replicas: [1], isr: [1], offlineReplicas: [] },
}));

const [quick, kafkajs] = [createQuickPartitioner(), Partitioners.DefaultPartitioner()];

// Fails when a step of the hash is another one: a key would change its partition, and its records their order.
test("every key has the partition that kafkajs gives it", () => {
  const keys = [..."", "a", "é", "order-1", ...Array.from({ length: 400 }, (_, n) => randomBytes(n % 50))];
  const partitionsBy = (partitioner: typeof quick): number[] =>
    keys.map((key) => partitioner({ topic: "orders", partitionMetadata, message: { key, value: null } }));
  expect(partitionsBy(quick)).toEqual(partitionsBy(kafkajs));
});

test("a partition that is named is taken, and without a key all have their turn", () => {
  const named = { topic: "orders", partitionMetadata, message: { key: "a", value: null, partition: 7 } };
  expect(quick(named)).toBe(7);
  const turns = Array.from({ length: 1_009 }, () =>
    quick({ topic: "orders", partitionMetadata, message: { key: null, value: null } }),
  );
  expect(new Set(turns).size).toBe(1_009);
});

test("a key of 8 MiB has its partition within two seconds (kafkajs: 7 s for 256 KiB, and that by the square)", () => {
  const startedAt = performance.now();
  quick({ topic: "orders", partitionMetadata, message: { key: Buffer.alloc(8_388_608, "k"), value: null } });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
