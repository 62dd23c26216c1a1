import type { Socket } from "node:net";
import type { ICustomPartitioner, Kafka } from "kafkajs";

/**
 * The private parts of kafkajs 2.2.4 that the corrections replace or use: the only file that names its paths. They can
 * be required because the package has no exports map. Objects and prototypes are changed in place, never the module
 * cache: that works in whatever order modules are loaded, and under jest.
 */

/** kafkajs' growing buffer; what it makes is handed to kafkajs' own functions. */
export interface Encoder {
  readonly buffer: Buffer;
  size(): number;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeString(value: string | null): this;
  writeArray(values: readonly Encoder[]): this;
  writeEncoder(value: Encoder): this;
  writeBuffer(value: Buffer): this;
}
export const Encoder = require("kafkajs/src/protocol/encoder") as { new (initialSize?: number): Encoder };

export interface Decoder {
  readonly buffer: Buffer;
}
export const Decoder = require("kafkajs/src/protocol/decoder") as { new (buffer: Buffer): Decoder };

/** How kafkajs reads an answer: `decode` turns bytes into fields, `parse` turns error codes into errors. */
export interface ResponseReader {
  decode: (payload: Buffer) => Promise<unknown>;
  parse: (fields: unknown) => Promise<unknown>;
}
export const fetchResponse = (version: number): ResponseReader =>
  require(`kafkajs/src/protocol/requests/fetch/v${version}/response`);

/** How kafkajs makes a request: what it sends, and how it reads the answer. */
export interface Exchange {
  readonly request: { readonly encode: () => Promise<Encoder> };
  readonly response: ResponseReader;
}
export const produce = require("kafkajs/src/protocol/requests/produce") as {
  protocol: (choice: { readonly version: number }) => (fields: object) => Exchange;
};

/** Which versions of a request kafkajs speaks, and how: it takes the highest that the broker speaks too, at most its own. */
export const metadata = require("kafkajs/src/protocol/requests/metadata") as {
  versions: readonly string[];
  protocol: (choice: { readonly version: number }) => (fields: object) => Exchange;
};

/** Message sets, the format of Kafka before 0.11. */
export const decodeMessageSet = require("kafkajs/src/protocol/messageSet/decoder") as (
  decoder: Decoder,
  size: number,
) => Promise<object[]>;

/** A request that waits for its answer. */
export interface SentRequest {
  readonly entry: { readonly apiKey: number };
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

/** A connection's requests that wait for room or for the end of a throttle. */
export interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  throttledUntil: number;
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, SentRequest>;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  requestTimeoutIntervalId: NodeJS.Timeout | undefined;
  isConnected(): boolean;
  scheduleRequestTimeoutCheck(): void;
  push(request: object): void;
  fulfillRequest(response: { readonly correlationId: number; readonly payload: Buffer; readonly size: number }): void;
  maybeThrottle(milliseconds: number): void;
  destroy(): void;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}
export const RequestQueue = require("kafkajs/src/network/requestQueue") as {
  new (options: object): RequestQueue;
  readonly prototype: RequestQueue;
};

/** A connection to one broker. It may be connected again after it has ended. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly socket: Socket | undefined;
  readonly requestQueue: RequestQueue;
  /** Which versions of each request the broker speaks. */
  readonly versions: object;
  readonly supportAuthenticationProtocol: boolean | null;
  setVersions(versions: object): void;
  setSupportAuthenticationProtocol(isSupported: boolean | null): void;
  /** What has been read of the next answer, and how many bytes are needed to go on with it. */
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  connect(): Promise<unknown>;
  isConnected(): boolean;
  send(exchange: object): Promise<unknown>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}
export const Connection = require("kafkajs/src/network/connection") as {
  new (options: object): Connection;
  readonly prototype: Connection;
};

interface NumberedExchange {
  readonly request: { readonly apiKey: number };
}

/** A client's connections to one broker: the second for what it fetches, the first for all else. */
export interface ConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly pool: [Connection, Connection, ...Connection[]];
  send(exchange: NumberedExchange): Promise<unknown>;
  getConnectionByRequest(exchange: NumberedExchange): Promise<Connection>;
  /** Connects it if need be. */
  getConnection(index: number): Promise<Connection>;
  destroy(): Promise<unknown>;
}
export const ConnectionPool = require("kafkajs/src/network/connectionPool") as {
  new (options: object): ConnectionPool;
  readonly prototype: ConnectionPool;
};

/** The numbers of requests in Kafka's protocol. */
export const apiKeys = require("kafkajs/src/protocol/requests/apiKeys") as {
  readonly Fetch: number;
  readonly Metadata: number;
  readonly GroupCoordinator: number;
  readonly Heartbeat: number;
  readonly ApiVersions: number;
};

export interface FetchedPartitions {
  readonly responses: readonly object[];
}

/** One broker, as one client sees it. */
export interface Broker {
  joinGroup(wish: object): Promise<unknown>;
  heartbeat(wish: object): Promise<unknown>;
  leaveGroup(wish: object): Promise<unknown>;
  fetch(wish: object): Promise<FetchedPartitions>;
}
export const Broker = require("kafkajs/src/broker") as { readonly prototype: Broker };

interface BrokerPool {
  /** By their numbers. */
  readonly brokers: Readonly<Record<number, Broker | undefined>>;
  /** What they have told last. */
  readonly metadata: unknown;
  /** When that is too old to be used; null: it is. */
  metadataExpireAt: number | null;
  /** Asks one of them. */
  refreshMetadata(topics: readonly string[]): Promise<void>;
  /** Forgets it, until it is told of again. */
  removeBroker(place: { readonly host: string; readonly port: number }): void;
}
export const BrokerPool = require("kafkajs/src/cluster/brokerPool") as { readonly prototype: BrokerPool };

/** What a client knows of its brokers. */
export interface Cluster {
  readonly brokerPool: BrokerPool;
  metadata(wish?: { readonly topics?: readonly string[] }): Promise<unknown>;
  findGroupCoordinatorMetadata(wish: object): Promise<unknown>;
  refreshMetadataIfNecessary(): Promise<void>;
}
export const Cluster = require("kafkajs/src/cluster") as { readonly prototype: Cluster };

/** The name under which a client keeps how it makes its clusters: a symbol that the package does not give away. */
export function createClusterKey(kafka: Kafka): symbol {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  if (!key) throw new Error("this version of kafkajs makes its clusters in another way");
  return key;
}
export const { READ_UNCOMMITTED } = require("kafkajs/src/protocol/isolationLevel") as {
  readonly READ_UNCOMMITTED: number;
};
interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** What a fetch has brought of one partition. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** Where the fetch began. */
  readonly fetchedOffset: string;
}

/** Where a consumer stands. */
export interface OffsetManager {
  /** Of the group, when its partitions were assigned. */
  generationId: number;
  /** By topic; a topic that is not assigned is not in it. */
  readonly resolvedOffsets: Readonly<Record<string, object | undefined>>;
  /** Where the next fetch of an assigned partition begins. */
  nextOffset(topic: string, partition: number): { toString(): string };
}

/** A consumer as the member of its group. */
export interface ConsumerGroup {
  readonly cluster: Cluster;
  readonly offsetManager: OffsetManager;
  readonly maxWaitTime: number;
  readonly subscriptionState: { assigned(): readonly TopicPartitions[] };
  /** Calls again what has failed in a way that may pass, with growing pauses; an error that it is given up with is its own. */
  retrier(attempt: (giveUp: (error: unknown) => void) => Promise<void>): Promise<void>;
  /** Becomes a member, or stays one, and gets its partitions. */
  joinAndSync(): Promise<void>;
  fetch(nodeId: number): Promise<readonly object[]>;
  /** As a member of the generation that it is in now. */
  commitOffsets(offsets: object): Promise<void>;
  resume(partitions: readonly object[]): void;
  checkForStaleAssignment(): void;
  recoverFromFetch(error: unknown): Promise<void>;
  /** Whether a seek is still to be done. */
  hasSeekOffset(place: { readonly topic: string; readonly partition: number }): boolean;
  getActiveTopicPartitions(): Readonly<Record<string, ReadonlySet<number>>>;
  filterPartitionsByNode(nodeId: number, partitions: readonly TopicPartitions[]): readonly TopicPartitions[];
}
export const ConsumerGroup = require("kafkajs/src/consumer/consumerGroup") as { readonly prototype: ConsumerGroup };

/** The loop of a consumer. */
export interface Runner {
  readonly consumerGroup: ConsumerGroup;
  readonly running: boolean;
  /** In milliseconds. */
  readonly heartbeatInterval: number;
  /** Sends one if it is time. */
  heartbeat(): Promise<void>;
  fetch(nodeId: number): Promise<readonly object[]>;
  /** Called when it cannot go on, also by `start`. */
  onCrash: (error: Error) => Promise<void>;
  /** Resolves when the group has been joined. */
  start(): Promise<void>;
  stop(): Promise<void>;
  handleBatch(batch: FetchedBatch): Promise<void>;
  commitOffsets(offsets: object): Promise<void>;
}
export const Runner = require("kafkajs/src/consumer/runner") as { readonly prototype: Runner };

/** kafkajs' choice of a partition: the one that is named, else by a hash of the key, else one after the other. */
export const createPartitionerBy = require("kafkajs/src/producer/partitioners/legacy/partitioner") as (
  hash: (key: Buffer | string) => number,
) => ICustomPartitioner;

/** Of a request whose connection has ended. kafkajs' types do not have it. */
export const { KafkaJSConnectionClosedError } = require("kafkajs/src/errors") as {
  KafkaJSConnectionClosedError: new (
    message: string,
    broker: { readonly host: string; readonly port: number },
  ) => Error;
};

/** The error that an answer's number stands for. */
export const { createErrorFromCode } = require("kafkajs/src/protocol/error") as {
  createErrorFromCode: (code: number) => Error;
};
