import { type logCreator, logLevel } from "kafkajs";
import type { Log } from "../log";

/** What of kafkajs' fields is logged: nothing that could hold a record, like the `payload` and `data` of its debug lines. */
const fields = [
  ...["broker", "clientId", "groupId", "memberId", "topic", "partition", "partitions", "offset", "nodeId"],
  ...["correlationId", "size", "retryCount", "retryTime", "duration", "leaderId", "isLeader", "memberAssignment"],
];

/** Error messages can quote what was sent; this much of one tells its kind. */
const TEXT_LENGTH = 300;

/**
 * Connects kafkajs' logger to the process's log: every line has the event `kafka.client`. kafkajs calls "error" what it
 * then retries by itself, so that is a warning here, and an answer with an error code, of which every retry has one, is
 * only for debugging, like its news of joining, pausing and resuming. Whoever uses the client logs what it could not do.
 */
export function clientLog(log: Log): logCreator {
  return () =>
    ({ namespace, level, log: entry }) => {
      const { message, error } = entry;
      if (message.includes("switched default partitioner")) return;
      const extra: Record<string, unknown> = { event: "kafka.client", namespace };
      for (const field of fields) if (entry[field] !== undefined) extra[field] = entry[field];
      if (error !== undefined) {
        extra["error"] = error instanceof Error ? error.name : String(error).slice(0, TEXT_LENGTH);
      }
      log[pinoLevel(level, message)](extra, message.slice(0, TEXT_LENGTH));
    };
}

/** kafkajs builds its debug lines even when nobody reads them. */
export function clientLogLevel(log: Log): logLevel {
  return log.isLevelEnabled("trace") ? logLevel.DEBUG : log.isLevelEnabled("debug") ? logLevel.INFO : logLevel.WARN;
}

function pinoLevel(level: logLevel, message: string): "trace" | "debug" | "info" | "warn" {
  if (level === logLevel.DEBUG) return "trace";
  if (level === logLevel.INFO) return "debug";
  return message.startsWith("Response ") ? "debug" : "warn";
}
