import { Cluster, Encoder, metadata, type ResponseReader } from "../internals";
import { WireReader } from "../wire";

/** The first version that tells a topic's id; kafkajs' own last one is 6. Brokers speak it since Kafka 2.8. */
const VERSION_WITH_TOPIC_IDS = 10;
const KAFKAJS_LAST_VERSION = 6;
const METADATA_API_KEY = 3;

/** What kafkajs asks with: no topic means all of them. */
export interface MetadataFields {
  readonly topics: readonly string[];
  readonly allowAutoTopicCreation?: boolean;
}

/**
 * Makes kafkajs ask for metadata in the version that tells a topic's id, which is the only thing that distinguishes a
 * topic from one of the same name that was made after it. The id comes with each partition (`topicId`, as Kafka's own
 * tools write it); older brokers are asked as before and tell none.
 *
 * And an admin's question is one request. kafkajs asks the same twice, first for itself.
 */
export function correctMetadataRequests(): void {
  const { protocol } = metadata;
  metadata.versions = [...metadata.versions, String(VERSION_WITH_TOPIC_IDS)];
  metadata.protocol = ({ version }) => {
    if (version < VERSION_WITH_TOPIC_IDS) return protocol({ version: Math.min(version, KAFKAJS_LAST_VERSION) });
    const kafkajs = protocol({ version: KAFKAJS_LAST_VERSION });
    return (fields: object) => {
      const { parse } = kafkajs(fields).response;
      return { request: metadataRequest(fields as MetadataFields), response: { decode: decodeMetadata, parse } };
    };
  };

  Cluster.prototype.metadata = async function ({ topics = [] } = {}) {
    await this.brokerPool.refreshMetadata(topics);
    return this.brokerPool.metadata;
  };
}

function metadataRequest({ topics, allowAutoTopicCreation = true }: MetadataFields) {
  return {
    apiKey: METADATA_API_KEY,
    apiVersion: VERSION_WITH_TOPIC_IDS,
    apiName: "Metadata",
    encode: async () => new Encoder().writeBuffer(encodeMetadataRequest(topics, allowAutoTopicCreation)),
  };
}

const NO_TAGS = Buffer.from([0]);
const NO_ID = Buffer.alloc(16);

function encodeMetadataRequest(topics: readonly string[], allowAutoTopicCreation: boolean): Buffer {
  const parts = topics.flatMap((topic) => {
    const name = Buffer.from(topic);
    return [NO_ID, unsignedVarInt(name.length + 1), name, NO_TAGS];
  });
  // The request's own head ends with tags as well, and kafkajs writes none. At the end: no operations are asked for.
  const count = unsignedVarInt(topics.length === 0 ? 0 : topics.length + 1);
  return Buffer.concat([NO_TAGS, count, ...parts, Buffer.from([Number(allowAutoTopicCreation), 0, 0]), NO_TAGS]);
}

function unsignedVarInt(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const decodeMetadata: ResponseReader["decode"] = async (payload) => {
  const reader = new WireReader(payload);
  skipTags(reader);
  const clientSideThrottleTime = reader.int32();
  const brokers = listOf(reader, () => {
    const broker = { nodeId: reader.int32(), host: text(reader), port: reader.int32(), rack: text(reader) };
    skipTags(reader);
    return broker;
  });
  const clusterId = text(reader);
  const controllerId = reader.int32();
  const topicMetadata = listOf(reader, () => decodeTopic(reader));
  return { throttleTime: 0, clientSideThrottleTime, brokers, clusterId, controllerId, topicMetadata };
};

function decodeTopic(reader: WireReader): object {
  const topicErrorCode = reader.int16();
  const topic = text(reader);
  const start = reader.take(NO_ID.length);
  const topicId = reader.bytes.toString("base64url", start, reader.offset);
  const isInternal = reader.int8() !== 0;
  const partitionMetadata = listOf(reader, () => {
    const partition = {
      topicId,
      partitionErrorCode: reader.int16(),
      partitionId: reader.int32(),
      leader: reader.int32(),
      leaderEpoch: reader.int32(),
      replicas: listOf(reader, () => reader.int32()),
      isr: listOf(reader, () => reader.int32()),
      offlineReplicas: listOf(reader, () => reader.int32()),
    };
    skipTags(reader);
    return partition;
  });
  reader.int32(); // Which operations the client may do; not asked for.
  skipTags(reader);
  return { topicErrorCode, topic, isInternal, partitionMetadata };
}

function listOf<T>(reader: WireReader, decode: () => T): T[] {
  return Array.from({ length: Math.max(0, reader.unsignedVarInt() - 1) }, decode);
}

function text(reader: WireReader): string | null {
  const length = reader.unsignedVarInt() - 1;
  if (length < 0) return null;
  const start = reader.take(length);
  return reader.bytes.toString("utf8", start, reader.offset);
}

function skipTags(reader: WireReader): void {
  for (let count = reader.unsignedVarInt(); count > 0; count--) {
    reader.unsignedVarInt();
    reader.take(reader.unsignedVarInt());
  }
}
