import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { Services } from "./services";
import type { Service, Supervised } from "./supervise";
import type { System } from "./system";

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
 * Starts the ingestor and the reader, each as the database user of its own, and waits until both are ready: the reader
 * has loaded its orders, the ingestor has its partitions.
 *
 * @throws StartError if one of them does not get ready; its own log lines were passed on and say why
 */
export async function startProcesses(system: System, services: Services, urls: ProcessUrls): Promise<void> {
  // Their logs come to the same terminal.
  system.steps.shareScreen();
  const ingestor = system.supervise(program("ingestor", services, services.database.ingestor, urls.ingestor));
  const reader = system.supervise(program("reader", services, services.database.reader, urls.reader));
  await Promise.all([whenReady(system, reader, urls.reader), whenReady(system, ingestor, urls.ingestor)]);
}

function program(name: "ingestor" | "reader", services: Services, databaseUrl: string, url: string): Service {
  // The other users' passwords, the owner's above all, are none of a process's business.
  const { INGESTOR_DATABASE_URL, READER_DATABASE_URL, ...env } = process.env;
  return {
    name,
    command: process.execPath,
    args: [join(projectRoot(), "dist", name, "main.js")],
    env: {
      ...env,
      KAFKA_BROKERS: services.brokers,
      DATABASE_URL: databaseUrl,
      [`${name.toUpperCase()}_PORT`]: new URL(url).port,
      ...(services.redis ? { REDIS_URL: services.redis } : {}),
    },
  };
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
