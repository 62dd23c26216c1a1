import { type DestinationStream, type LogFn, type Logger, type LoggerOptions, pino } from "pino";
import type { PrettyOptions } from "pino-pretty";
import type { Settings } from "./settings";

export type Log = Logger;

/** pino's number for `error`. */
const ERROR_LEVEL = 50;

/**
 * The process's log on standard output. Every line has `event`, a stable name to search and alarm by; none ever holds
 * an order's content, because orders are personal data.
 *
 * @param service name of the process, a field of every line
 */
export function createLog(service: string, settings: Settings<"LOG_LEVEL" | "LOG_FORMAT">): Log {
  const isPretty = settings.LOG_FORMAT === "pretty" || (settings.LOG_FORMAT === "auto" && process.stdout.isTTY);
  const destination: DestinationStream = isPretty
    ? prettyStream({
        colorize: isColoured(process.stdout, process.env),
        ignore: "pid,hostname,service,event",
        messageFormat: `${service}: {msg}`,
        singleLine: true,
        sync: true,
      })
    : pino.destination({ dest: 1, sync: true });
  const isBrief = isPretty && settings.LOG_LEVEL !== "debug" && settings.LOG_LEVEL !== "trace";
  const hooks: LoggerOptions["hooks"] = {
    logMethod(args, method, level) {
      const [fields, ...rest] = args;
      method.apply(this, [isBrief ? withoutStack(fields, level) : fields, ...rest] as Parameters<LogFn>);
    },
  };
  const timestamp = pino.stdTimeFunctions.isoTime;
  return pino({ level: settings.LOG_LEVEL, base: { service }, timestamp, hooks }, destination);
}

/** Loaded where somebody looks, which is not where containers run. */
function prettyStream(options: PrettyOptions): DestinationStream {
  const pretty = require("pino-pretty") as typeof import("pino-pretty");
  return pretty(options);
}

/** Colours are for a terminal, and for whoever asks for them because a terminal is at the end of its pipe. */
export function isColoured({ isTTY }: Pick<NodeJS.WriteStream, "isTTY">, env: NodeJS.ProcessEnv): boolean {
  if (env["NO_COLOR"]) return false;
  return isTTY || !["", "0", "false", undefined].includes(env["FORCE_COLOR"]);
}

/**
 * For a terminal: a warning is of what passes by itself, such as a server that is away; twenty lines of a driver's
 * internals would only hide its one sentence. JSON lines, errors, and the levels debug and trace keep the stack.
 */
export function withoutStack(fields: unknown, level: number): unknown {
  if (typeof fields !== "object" || fields === null || level >= ERROR_LEVEL) return fields;
  const { err, ...others } = fields as { readonly err?: unknown };
  if (!(err instanceof Error)) return fields;
  return { ...others, error: err.message || err.name };
}
