import { once } from "node:events";
import { SettingsError } from "../../runtime/settings";
import { explainAccess } from "../explain-failure";
import { UsageError } from "../usage-error";
import { tellAccidents } from "./accidents";
import { forgetOwnAddresses, readEnvFile, writeEnvFile } from "./env-file";
import { isReadable, publishFirstOrders, sampleId } from "./first-orders";
import { callGuardian } from "./guardian";
import { openHome, requireOwnHome } from "./home";
import { createRunningRecord, endLeftovers } from "./leftovers";
import { takeLock } from "./lock";
import { readOptions, type StartOptions } from "./options";
import { createPorts } from "./ports";
import { createProcessOutput } from "./process-output";
import { chooseProcessUrls, startIngestor, startReader } from "./processes";
import { requireRoom } from "./require-room";
import { type Services, startServices } from "./services";
import { createSteps, StartError, type Steps } from "./steps";
import { createSystem, type System } from "./system";
import { whenToldToEnd } from "./told-to-end";
import { welcome } from "./welcome";

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const steps = createSteps();
  // The terminal may be closed, and whoever reads may go away (npm start 2>&1 | head): then nobody is told, and no more.
  process.stderr.on("error", () => {});
  const home = openHome({ ORDERS_HOME: options.home ?? process.env["ORDERS_HOME"] });
  requireOwnHome(home);
  const lock = takeLock(home);
  if ("heldBy" in lock) {
    const address = readEnvFile(home)["READER_URL"];
    steps.say(`Orders is running already (process ${lock.heldBy.pid})${address ? `: ${address}` : ""}`);
    return 0;
  }
  process.once("exit", lock.release);
  const forgotten = forgetOwnAddresses(home);
  if (forgotten.length > 0) {
    steps.say(`  ${forgotten.join(", ")}: from ${home.path("env")} of an earlier start, so taken as not set`);
  }
  if (options.quiet) process.env["LOG_LEVEL"] ||= "warn";
  const signal = whenToldToEnd();
  requireRoom(home, steps);
  tellAccidents(home, steps);
  await endLeftovers(home, steps);
  const ports = createPorts(home, steps, options.anyPorts === true);
  const [guardian, running] = [callGuardian(home), createRunningRecord(home)];
  const output = createProcessOutput();
  const system = createSystem({ home, steps, ports, signal, guardian, running, output });
  // Of a start that fails or is ended, what the processes said may be the cause, and comes before its last words.
  const exitCode = await untilToldToEnd(signal, steps, bringUp(system, options).finally(output.passOn));
  output.passOn();
  await steps.step("stopped", () => system.stopAll());
  return exitCode;
}

async function bringUp(system: System, options: StartOptions): Promise<void> {
  const redis = options.redis === true;
  if (options.servicesOnly) {
    const services = await startServices(system, { redis });
    writeEnvFile(system.home, addresses(services), ownNames());
    system.steps.say(`ready; the addresses are in ${system.home.path("env")}`);
  } else {
    const urls = await chooseProcessUrls(system, options.port);
    const services = await startServices(system, {
      redis,
      onDatabase: (database) => startReader(system, database, urls.reader),
    });
    const processes = { READER_URL: urls.reader, INGESTOR_URL: urls.ingestor };
    writeEnvFile(system.home, { ...addresses(services), ...processes }, ownNames());
    await startIngestor(system, services, urls.ingestor);
    if (options.sample) await publishFirstOrders(system, services.brokers, urls.reader);
    system.output?.passOn();
    const hasSample = await isReadable(urls.reader, sampleId());
    system.steps.say(welcome(system.home, services, urls.reader, hasSample ? sampleId() : undefined));
  }
  // For a program that started this one and waits for it.
  process.send?.("ready");
}

function addresses({ brokers, database, redis }: Services): Record<string, string> {
  return {
    KAFKA_BROKERS: brokers,
    DATABASE_URL: database.owner,
    INGESTOR_DATABASE_URL: database.ingestor,
    READER_DATABASE_URL: database.reader,
    ...(redis ? { REDIS_URL: redis } : {}),
  };
}

/** What nobody has set was started here. */
function ownNames(): string[] {
  const database = ["DATABASE_URL", "INGESTOR_DATABASE_URL", "READER_DATABASE_URL"];
  return ["KAFKA_BROKERS", ...database, "REDIS_URL"].filter((name) => !process.env[name]);
}

/** Waits for the order to end, also in the middle of the start. Returns the exit code: 1 if the start failed. */
async function untilToldToEnd(signal: AbortSignal, steps: Steps, started: Promise<void>): Promise<number> {
  const told = signal.aborted ? Promise.resolve() : once(signal, "abort");
  try {
    await Promise.race([told, started]);
    await told;
  } catch (error) {
    steps.say(wordsOf(error));
    return 1;
  }
  // What was still starting may now fail in any way.
  started.catch(() => {});
  steps.say(`stopping: ${signal.reason}`);
  return 0;
}

function wordsOf(error: unknown): string {
  if ([StartError, UsageError, SettingsError].some((kind) => error instanceof kind)) return (error as Error).message;
  const access = explainAccess(error);
  if (access !== undefined) return access;
  return String(error instanceof Error ? error.stack : error);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
