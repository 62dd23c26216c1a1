import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { clusterIdAt } from "./kafka-answers";
import type { KafkaMissing } from "./kafka-missing";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { System } from "./system";

/** Compose as a part of docker, and as the program of its own that it was before. */
const COMPOSES = [["docker", "compose"], ["docker-compose"]] as const;
/** An engine that hangs is none. */
const ANSWER_MS = 10_000;
/** The image is 400 MB where it has to be fetched. */
const READY_MS = 600_000;
/** Less than what stopping everything may take. */
const STOP_SECONDS = 8;

/**
 * Kafka from docker-compose.yml, where Java cannot run one: its service `kafka`, which ends with this start. One that
 * runs already is used as it is, and left running.
 *
 * @param missing why it is needed
 * @returns the broker's address, host:port
 * @throws `missing` if no Docker engine answers; StartError if its Kafka does not start
 */
export async function startKafkaInDocker(system: System, missing: KafkaMissing): Promise<string> {
  const compose = await findCompose(system);
  if (compose === undefined) throw missing;
  const [command, ...first] = compose;
  const ask = (...args: string[]) => [...first, "-f", join(projectRoot(), "docker-compose.yml"), ...args];
  system.steps.say(`  ${missing.reason}; Docker runs, and gives its Kafka`);

  const running = await portOfRunning(system, command, ask("port", "kafka", "9092"));
  if (running !== undefined) {
    system.steps.say(`  docker-compose.yml's Kafka runs already on 127.0.0.1:${running}, and goes on after the stop`);
    return `127.0.0.1:${running}`;
  }
  const port = await system.ports.choose("Kafka", 9092);
  const logFile = system.home.path("kafka/docker.log");
  mkdirSync(system.home.path("kafka"), { recursive: true });
  const start = (): Promise<void> =>
    system
      .supervise({
        name: "Kafka",
        command,
        // In the foreground, so that its end is the container's.
        args: ask("up", "--no-color", "--timeout", String(STOP_SECONDS), "kafka"),
        env: { ...process.env, ORDERS_KAFKA_PORT: String(port) },
        logFile,
      })
      .whenReady(async () => (await clusterIdAt(port)) !== undefined, READY_MS);
  const done = `Kafka listens on 127.0.0.1:${port}, in Docker (${logFile})`;
  await system.steps.step(done, start, "Kafka listens in Docker");
  return `127.0.0.1:${port}`;
}

/** How compose is called here; undefined where no Docker engine answers. */
export async function findCompose(system: Pick<System, "signal">): Promise<(typeof COMPOSES)[number] | undefined> {
  if ((await words(system, "docker", ["version", "--format", "{{.Server.Version}}"])) === undefined) return undefined;
  for (const compose of COMPOSES) {
    const [command, ...first] = compose;
    if ((await words(system, command, [...first, "version"])) !== undefined) return compose;
  }
  return undefined;
}

async function portOfRunning(system: System, command: string, args: readonly string[]): Promise<number | undefined> {
  const port = Number(/:(\d+)\s*$/.exec((await words(system, command, args)) ?? "")?.[1] ?? 0);
  if (port === 0) return undefined;
  if ((await clusterIdAt(port)) === undefined)
    throw new StartError(`docker-compose.yml's Kafka does not answer on 127.0.0.1:${port}: docker compose logs kafka`);
  return port;
}

/** What a command answers; nothing if it fails or takes too long. */
async function words(
  system: Pick<System, "signal">,
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  const signal = AbortSignal.any([system.signal, AbortSignal.timeout(ANSWER_MS)]);
  const answer = await runTool(command, args, { signal }).catch(() => undefined);
  system.signal.throwIfAborted();
  return answer?.stdout;
}
