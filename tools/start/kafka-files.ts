import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { type Home, writeWhole } from "./home";

/** The files of the one-node broker, under `kafka/` of the home. */
export interface KafkaFiles {
  readonly folder: string;
  readonly properties: string;
  readonly logging: string;
  readonly log: string;
  readonly data: string;
  /** Written once the data folder has been formatted: a copy of `meta`. */
  readonly formatted: string;
  /** Kafka's own note of the data folder's ids. */
  readonly meta: string;
  /** The first metadata of the cluster, which Kafka reads at each start, and a copy of it. */
  readonly bootstrap: string;
  readonly bootstrapCopy: string;
  readonly clusterId: string;
}

/** A further listener of the broker, which tells its clients another port: that of whatever stands before it. */
export interface KafkaDoor {
  readonly port: number;
  readonly advertisedPort: number;
}

const MIB = 1_048_576;
const CLUSTER_ID = /^cluster\.id=(\S{22})$/m;
/** A dead letter is an order record of up to 8 MiB and its headers; the broker takes what either topic allows. */
export const DLQ_MESSAGE_BYTES = 16 * MIB;
export const ORDERS_MESSAGE_BYTES = 8 * MIB;

export function writeKafkaFiles(
  home: Home,
  port: number,
  controllerPort: number,
  doors: readonly KafkaDoor[] = [],
): KafkaFiles {
  const folder = home.path("kafka");
  mkdirSync(folder, { recursive: true });
  const meta = home.path("kafka/data/meta.properties");
  const files = {
    folder,
    meta,
    properties: home.path("kafka/server.properties"),
    logging: home.path("kafka/log4j2.properties"),
    log: home.path("kafka/server.log"),
    data: home.path("kafka/data"),
    formatted: home.path("kafka/formatted"),
    bootstrap: home.path("kafka/data/bootstrap.checkpoint"),
    bootstrapCopy: home.path("kafka/formatted.bootstrap"),
    clusterId: clusterId(home.path("kafka/cluster-id"), meta),
  };
  writeWhole(files.properties, properties({ data: files.data, port, controllerPort, doors }));
  writeWhole(files.logging, LOGGING);
  return files;
}

/** Kafka refuses to start with an empty or cut-off one. */
export function isWholeMeta(text: string | undefined): text is string {
  const lines = [/^version=\d/m, /^node\.id=\d/m, /^directory\.id=\S{22}$/m, CLUSTER_ID];
  return text !== undefined && lines.every((line) => line.test(text));
}

/** Kept from before the first formatting on: a format that was cut off is completed with the same id. */
function clusterId(file: string, meta: string): string {
  const inData = existsSync(meta) ? CLUSTER_ID.exec(readFileSync(meta, "utf8"))?.[1] : undefined;
  // An id that begins with a minus looks like an option to Kafka's command; one in 64 would. None can be in use.
  const kept = existsSync(file) ? /^\w[\w-]{21}$/.exec(readFileSync(file, "utf8"))?.[0] : undefined;
  const id = inData ?? kept ?? `O${randomBytes(16).toString("base64url").slice(1)}`;
  if (id !== kept) writeWhole(file, id);
  return id;
}

function properties(places: {
  data: string;
  port: number;
  controllerPort: number;
  doors: readonly KafkaDoor[];
}): string {
  const names = ["PLAINTEXT", "CONTROLLER", ...places.doors.map((_, index) => `DOOR${index}`)];
  const address = (name: string, port: number): string => `${name}://127.0.0.1:${port}`;
  const doors = (which: keyof KafkaDoor): string[] =>
    places.doors.map((door, index) => address(`DOOR${index}`, door[which]));
  const values = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${places.controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": names.map((name) => `${name}:PLAINTEXT`).join(","),
    listeners: [address("PLAINTEXT", places.port), address("CONTROLLER", places.controllerPort), ...doors("port")].join(
      ",",
    ),
    "advertised.listeners": [address("PLAINTEXT", places.port), ...doors("advertisedPort")].join(","),
    "log.dirs": places.data,
    // One node has no neighbours to copy to, and its internal topics need not be spread.
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "unclean.leader.election.enable": false,
    // Each of these threads wakes several times a second for nothing. One of each carries what this project's loads ask
    // of a broker: less than 20 µs of processor time an order, published and read, once its classes are compiled.
    "num.network.threads": 1,
    "num.io.threads": 1,
    "background.threads": 2,
    "group.coordinator.threads": 1,
    "share.coordinator.threads": 1,
    // Nobody has share groups here, whose states would have two threads more.
    "group.share.persister.class.name": "",
    // One node needs no heartbeat of its own metadata, which is a write to the disk twice a second.
    "metadata.max.idle.interval.ms": 0,
    // After a kill -9 a broker that comes back is let in once the session of the one that it was has ended: 9 s by
    // default, which is for networks between brokers. Here its controller is the same process.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 1_000,
    // A file that is flushed to the disk each time. The only replica knows from its log how far it is.
    "replica.high.watermark.checkpoint.interval.ms": 60_000,
    // A misspelt topic is an error, not a new topic.
    "auto.create.topics.enable": false,
    // A lone consumer need not wait for companions.
    "group.initial.rebalance.delay.ms": 0,
    "message.max.bytes": DLQ_MESSAGE_BYTES,
    "replica.fetch.max.bytes": DLQ_MESSAGE_BYTES,
    // Kafka deletes by the producers' clocks: a record with an old timestamp would be gone within minutes.
    "log.retention.ms": -1,
    // Positions of a group that was away must outlive a long holiday.
    "offsets.retention.minutes": 525_600,
    "log.cleaner.dedupe.buffer.size": 8 * MIB,
  };
  // Backslashes begin an escape in such a file, as they stand in a Windows path; other letters than Latin ones too.
  const escaped = (value: unknown): string =>
    String(value)
      .replaceAll("\\", "\\\\")
      .replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return Object.entries(values)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join("");
}

const LOGGING = `
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.started.name = org.apache.kafka.common.utils.AppInfoParser
logger.started.level = error
`.trimStart();
