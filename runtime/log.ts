import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";
import type { Settings } from "./settings";

export type Log = Logger;

/**
 * The process's log on standard output. Every line has `event`, a stable name to search and alarm by; none ever holds
 * an order's content, because orders are personal data.
 *
 * @param service name of the process, a field of every line
 */
export function createLog(service: string, settings: Settings<"LOG_LEVEL" | "LOG_FORMAT">): Log {
  const isPretty = settings.LOG_FORMAT === "pretty" || (settings.LOG_FORMAT === "auto" && process.stdout.isTTY);
  const destination: DestinationStream = isPretty
    ? pretty({
        colorize: !process.env["NO_COLOR"],
        ignore: "pid,hostname,service,event",
        messageFormat: `${service}: {msg}`,
        singleLine: true,
        sync: true,
      })
    : pino.destination({ dest: 1, sync: true });
  return pino({ level: settings.LOG_LEVEL, base: { service }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
