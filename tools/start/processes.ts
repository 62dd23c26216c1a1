import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { DatabaseUrls } from "./database";
import type { Services } from "./services";
import type { Supervised } from "./supervise";
import type { System } from "./system";

/** Whoever has waited so long for a process wants to see what it says. */
const SAYS_NOTHING_MS = 10_000;

/** The addresses that the two processes listen on, as base URLs. */
export interface ProcessUrls {
  readonly ingestor: string;
  readonly reader: string;
}

/** Chooses the processes' ports: those of the settings, where they are given. */
export async function chooseProcessUrls(system: System, readerPort = 0): Promise<ProcessUrls> {
  const { READER_PORT, INGESTOR_PORT } = process.env;
  const reader = await system.ports.choose("the page", 8080, readerPort || Number(READER_PORT ?? 0));
  const ingestor = await system.ports.choose("the ingestor's health", 8081, Number(INGESTOR_PORT ?? 0));
  return { reader: `http://127.0.0.1:${reader}`, ingestor: `http://127.0.0.1:${ingestor}` };
}

/**
 * Starts the reader as the database user of its own and waits until it has loaded its orders. It needs nothing but
 * Postgres, so it may be started beside Kafka.
 *
 * @throws StartError if it does not get ready; its own log lines were passed on and say why
 */
export function startReader(system: System, database: DatabaseUrls, url: string): Promise<void> {
  return start(system, "reader", { DATABASE_URL: database.reader, READER_PORT: new URL(url).port }, url);
}

/**
 * Starts the ingestor as the database user of its own and waits until it has its partitions.
 *
 * @throws StartError as `startReader` does
 */
export function startIngestor(system: System, { brokers, database, redis }: Services, url: string): Promise<void> {
  const env = { KAFKA_BROKERS: brokers, DATABASE_URL: database.ingestor, INGESTOR_PORT: new URL(url).port };
  return start(system, "ingestor", { ...env, ...(redis ? { REDIS_URL: redis } : {}) }, url);
}

async function start(system: System, name: string, settings: Record<string, string>, url: string): Promise<void> {
  // The other users' passwords, the owner's above all, are none of a process's business.
  const { INGESTOR_DATABASE_URL, READER_DATABASE_URL, ...env } = process.env;
  const started = system.supervise({
    name,
    command: process.execPath,
    args: [join(projectRoot(), "dist", name, "main.js")],
    env: { ...env, ...forTerminal(system), ...settings },
    output: system.output,
  });
  const late = setTimeout(() => system.output?.passOn(), SAYS_NOTHING_MS);
  await whenReady(system, started, url).finally(() => clearTimeout(late));
}

/** A process that writes into a pipe does not know that a person reads what comes out of it. */
function forTerminal({ output }: System): Record<string, string> {
  if (!output || !process.stdout.isTTY) return {};
  const isAuto = (process.env["LOG_FORMAT"] || "auto") === "auto";
  return { ...(isAuto ? { LOG_FORMAT: "pretty" } : {}), ...(process.env["NO_COLOR"] ? {} : { FORCE_COLOR: "1" }) };
}

async function whenReady(system: System, process: Supervised, url: string): Promise<void> {
  await system.steps.step(`${process.name} is ready`, () =>
    process.whenReady(async () => {
      try {
        return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
      } catch {
        return false;
      }
    }),
  );
}
