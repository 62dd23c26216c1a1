import { CompressionCodecs, type Message } from "kafkajs";
import { codecs, EXPANDED_LIMIT } from "../codecs/codecs";
import { Encoder, produce } from "../internals";
import { encodeBatch } from "./encode-batch";

/** What kafkajs' producer hands over to be encoded, since version 3 of the request. */
export interface ProduceFields {
  readonly acks: number;
  /** How long the broker may wait for its replicas, in milliseconds. */
  readonly timeout: number;
  readonly transactionalId?: string | null;
  readonly producerId?: number | string;
  readonly producerEpoch?: number;
  readonly compression?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly Message[];
    }[];
  }[];
}

/** Makes kafkajs write records by this project's encoder, which knows null header values and a list's order. */
export function correctProduceRequests(): void {
  const original = produce.protocol;
  produce.protocol = ({ version }) => {
    const exchangeOf = original({ version });
    if (version < 3) return exchangeOf;
    return (fields) => {
      const exchange = exchangeOf(fields);
      return { ...exchange, request: { ...exchange.request, encode: () => encodeProduce(fields as ProduceFields) } };
    };
  };
}

/** Gives kafkajs the codecs that it lacks, and a limit to the one that it has. */
export function registerCodecs(): void {
  for (const [number, codec] of codecs) {
    (CompressionCodecs as Record<number, unknown>)[number] = () => ({
      compress: async (encoder: Encoder) => {
        await codec.ready?.();
        return codec.pack(encoder.buffer);
      },
      decompress: async (packed: Buffer) => {
        await codec.ready?.();
        return codec.expand(packed, EXPANDED_LIMIT);
      },
    });
  }
}

async function encodeProduce(fields: ProduceFields): Promise<Encoder> {
  const { acks, timeout, transactionalId = null, topicData } = fields;
  const topics: Encoder[] = [];
  for (const { topic, partitions } of topicData) {
    const encoded: Encoder[] = [];
    for (const each of partitions) encoded.push(await encodePartition(fields, each));
    topics.push(new Encoder().writeString(topic).writeArray(encoded));
  }
  return new Encoder().writeString(transactionalId).writeInt16(acks).writeInt32(timeout).writeArray(topics);
}

type PartitionData = ProduceFields["topicData"][number]["partitions"][number];

async function encodePartition(fields: ProduceFields, data: PartitionData): Promise<Encoder> {
  const batch = await encodeBatch(data.messages, Date.now(), {
    producerId: BigInt(fields.producerId ?? -1),
    producerEpoch: fields.producerEpoch ?? 0,
    firstSequence: data.firstSequence ?? 0,
    isTransactional: Boolean(fields.transactionalId),
    codec: fields.compression ?? 0,
  });
  return new Encoder(8 + batch.length).writeInt32(data.partition).writeInt32(batch.length).writeBuffer(batch);
}
