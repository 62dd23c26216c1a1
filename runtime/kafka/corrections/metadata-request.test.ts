import { metadata } from "../internals";
import { installCorrections } from "./install";

installCorrections();

const ask = (topics: readonly string[], version = 10) =>
  metadata.protocol({ version })({ topics, allowAutoTopicCreation: false });

const hex = (...parts: string[]): string => parts.join("");
const encoded = async (topics: readonly string[]) => (await ask(topics).request.encode()).buffer.toString("hex");

test("a question for topics has the form that Kafka wants in version 10", async () => {
  const noId = "00".repeat(16);
  const topic = hex(noId, "07", Buffer.from("orders").toString("hex"), "00");
  expect(await encoded(["orders"])).toBe(hex("00", "02", topic, "00", "0000", "00"));
});

test("a question for no topic asks for all", async () => {
  expect(await encoded([])).toBe("000000000000");
});

test("a name of 200 letters has a length of two bytes", async () => {
  expect(await encoded(["x".repeat(200)])).toContain(`c901${"78".repeat(200)}00`);
});

test("an answer tells the topic's id beside each of its partitions, with all that kafkajs' own version tells", async () => {
  const payload = Buffer.from(
    hex(
      ...["00", "00000005"], // tags of the answer's head, throttle
      ...["02", "00000001", "0a3132372e302e302e31", "00002384", "00", "00"], // one broker, no rack
      ...["0261", "00000001"], // cluster "a", controller
      ...["02", "0000", "076f7264657273", "9f3c0b1e5a7d4c2b8e6f112233445566", "00"], // one topic
      ...["02", "0000", "00000003", "00000001", "00000007", "0200000001", "0200000001", "01"], // one partition
      ...["0105026869"], // a tag of a later time: number 5, two bytes
      ...["80000000", "00", "80000000", "00"],
    ),
    "hex",
  );
  const answer = await ask(["orders"]).response.decode(payload);
  expect(answer).toEqual({
    throttleTime: 0,
    clientSideThrottleTime: 5,
    brokers: [{ nodeId: 1, host: "127.0.0.1", port: 9092, rack: null }],
    clusterId: "a",
    controllerId: 1,
    topicMetadata: [
      {
        topicErrorCode: 0,
        topic: "orders",
        isInternal: false,
        partitionMetadata: [
          {
            topicId: "nzwLHlp9TCuObxEiM0RVZg",
            partitionErrorCode: 0,
            partitionId: 3,
            leader: 1,
            leaderEpoch: 7,
            replicas: [1],
            isr: [1],
            offlineReplicas: [],
          },
        ],
      },
    ],
  });
});

test("a topic that Kafka does not know is an error as before", async () => {
  const unknown = { topicMetadata: [{ topicErrorCode: 3, topic: "orders", partitionMetadata: [] }] };
  await expect(ask(["orders"]).response.parse(unknown)).rejects.toMatchObject({ type: "UNKNOWN_TOPIC_OR_PARTITION" });
});

test.each([7, 8, 9])("a broker whose last version is %i is asked in kafkajs' own", async (version) => {
  const { request } = ask(["orders"], version);
  expect(request).toMatchObject({ apiVersion: 6 });
  expect((await request.encode()).buffer.toString("hex")).toBe(
    hex("00000001", "0006", Buffer.from("orders").toString("hex"), "00"),
  );
});
