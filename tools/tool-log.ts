import { pino } from "pino";
import type { Log } from "../runtime/log";
import { readSettings } from "../runtime/settings";

/**
 * The log of a tool: on standard error, because standard output is for its result. Only errors, unless LOG_LEVEL says
 * otherwise: a tool tells a person in one sentence what went wrong, not with every attempt of the client.
 */
export function createToolLog(name: string): Log {
  const level = process.env["LOG_LEVEL"] ? readSettings(["LOG_LEVEL"]).LOG_LEVEL : "error";
  const destination = pino.destination({ dest: 2, sync: true });
  return pino({ level, base: { service: name }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
