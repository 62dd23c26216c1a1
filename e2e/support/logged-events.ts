import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "@swc/core";
import { projectRoot } from "../../runtime/project-root";

/** The folders whose code runs in a process that logs. */
const FOLDERS = ["ingestor", "reader", "runtime", "prisma"];
const LEVELS: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** An event of the log, and the levels that the sources log it at. */
export type LoggedEvents = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Every event that the sources name: the text of each `event` in an object, with the level of the call around it. Where
 * the level is computed, which is in the Kafka client's log alone, it is `warn`, the highest that it gives.
 *
 * @throws Error for a call of a log whose event is missing or computed
 */
export function findLoggedEvents(): LoggedEvents {
  const events = new Map<string, Set<string>>();
  for (const path of FOLDERS.flatMap(sourcesOf)) {
    for (const [event, level] of eventsOf(path, readFileSync(join(projectRoot(), path), "utf8"))) {
      events.set(event, (events.get(event) ?? new Set()).add(level));
    }
  }
  return events;
}

/** The events of one source. */
export function eventsOf(path: string, source: string): [event: string, level: string][] {
  const found: [string, string][] = [];
  const visit = (node: unknown, level: string | undefined): void => {
    if (Array.isArray(node)) for (const each of node) visit(each, level);
    if (typeof node !== "object" || node === null || Array.isArray(node)) return;
    const { type, ...parts } = node as Record<string, unknown>;
    const called = type === "CallExpression" ? levelOfCall(parts) : undefined;
    const event = type === "KeyValueProperty" ? eventOf(parts) : undefined;
    if (event !== undefined) found.push([event, level ?? "warn"]);
    const before = found.length;
    for (const part of Object.values(parts)) visit(part, called ?? level);
    if (called && found.length === before) throw new Error(`${path} logs at ${called} without the name of an event`);
  };
  visit(parseSync(source, { syntax: "typescript", target: "es2022" }).body, undefined);
  return found;
}

/** `warn` for `log.warn(…)` and `deps.log.warn(…)`. */
function levelOfCall({ callee }: Record<string, unknown>): string | undefined {
  const { type, object, property } = callee as { type: string; object?: Named; property?: Named };
  const name = property?.value;
  const on = object?.value ?? object?.property?.value;
  return type === "MemberExpression" && on === "log" && name && LEVELS.includes(name) ? name : undefined;
}

interface Named {
  readonly value?: string;
  readonly property?: { readonly value?: string };
}

function eventOf({ key, value }: Record<string, unknown>): string | undefined {
  const isEvent = (key as Named).value === "event" && (value as { type: string }).type === "StringLiteral";
  return isEvent ? (value as Named).value : undefined;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(join(projectRoot(), folder), { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.startsWith("prisma/generated/"));
}
