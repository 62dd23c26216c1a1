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
 * only for debugging, like its news of joining, pausing and resuming. Of a warning that it repeats with every retry, one in
 * 30 s is a warning, and the others are for debugging. Whoever uses the client logs what it could not do.
 */
export function clientLog(log: Log): logCreator {
  const isRepeated = rememberWarnings();
  return () =>
    ({ namespace, level, log: entry }) => {
      const { message, error } = entry;
      if (message.includes("switched default partitioner")) return;
      const extra: Record<string, unknown> = { event: "kafka.client", namespace };
      for (const field of fields) if (entry[field] !== undefined) extra[field] = entry[field];
      if (error !== undefined) {
        extra["error"] = error instanceof Error ? error.name : String(error).slice(0, TEXT_LENGTH);
      }
      const words = message.slice(0, TEXT_LENGTH);
      const itsLevel = pinoLevel(level, message);
      const isNews = itsLevel !== "warn" || !isRepeated(`${namespace} ${entry["broker"]} ${words}`);
      log[isNews ? itsLevel : "debug"](extra, words);
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

const REPEATED_WITHIN_MS = 30_000;
/** More different warnings than an outage has; beyond them all are forgotten, and told again. */
const MOST_WARNINGS = 100;

function rememberWarnings(): (warning: string) => boolean {
  const toldAt = new Map<string, number>();
  return (warning) => {
    const now = performance.now();
    const last = toldAt.get(warning);
    if (last !== undefined && now - last < REPEATED_WITHIN_MS) return true;
    if (toldAt.size >= MOST_WARNINGS) toldAt.clear();
    toldAt.set(warning, now);
    return false;
  };
}
