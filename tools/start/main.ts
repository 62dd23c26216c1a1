import { once } from "node:events";
import { Command, InvalidArgumentError } from "commander";
import { readEnvFile, writeEnvFile } from "./env-file";
import { callGuardian } from "./guardian";
import { openHome } from "./home";
import { createRunningRecord, endLeftovers } from "./leftovers";
import { takeLock } from "./lock";
import { createPorts } from "./ports";
import { startServices } from "./services";
import { createSteps, StartError } from "./steps";
import { createSystem } from "./system";
import { whenToldToEnd } from "./told-to-end";

const port = (text: string): number => {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("a port is a number to 65535");
  return Number(text);
};

const options = new Command("npm start --")
  .description("Runs the whole system on this machine until Ctrl-C. Its data is kept in .local, or in ORDERS_HOME.")
  .option("--services-only", "Kafka with its topics and Postgres with its tables; neither ingestor nor reader")
  .option("--redis", "a redis-server for the dead letters' queue, which is otherwise kept in Postgres")
  .option("--no-sample", "publish no orders")
  .option("--port <port>", "the page's port", port)
  .option("--home <folder>", "where the data is kept, before ORDERS_HOME")
  .option("--any-ports", "take any free ports instead of the usual ones")
  .parse()
  .opts<{ servicesOnly?: true; redis?: true; sample: boolean; port?: number; anyPorts?: true; home?: string }>();

async function main(): Promise<number> {
  const steps = createSteps();
  const home = openHome({ ORDERS_HOME: options.home ?? process.env["ORDERS_HOME"] });
  const lock = takeLock(home);
  if ("heldBy" in lock) {
    const address = readEnvFile(home)["READER_URL"];
    steps.say(`Orders is running already (process ${lock.heldBy.pid})${address ? `: ${address}` : ""}`);
    return 0;
  }
  const signal = whenToldToEnd();
  await endLeftovers(home, steps);
  const ports = createPorts(home, steps, options.anyPorts === true);
  const system = createSystem({
    ...{ home, steps, ports, signal },
    guardian: callGuardian(),
    running: createRunningRecord(home),
  });
  let exitCode = 0;
  try {
    const services = await untilAborted(signal, startServices(system, { redis: options.redis === true }));
    writeEnvFile(home, {
      KAFKA_BROKERS: services.brokers,
      DATABASE_URL: services.database.owner,
      INGESTOR_DATABASE_URL: services.database.ingestor,
      READER_DATABASE_URL: services.database.reader,
      ...(services.redis ? { REDIS_URL: services.redis } : {}),
    });
    steps.say(`ready; addresses are in ${home.path("env")}`);
    process.send?.("ready");
    if (!signal.aborted) await once(signal, "abort");
  } catch (error) {
    if (!signal.aborted) {
      exitCode = 1;
      steps.say(error instanceof StartError ? error.message : String(error instanceof Error ? error.stack : error));
    }
  }
  if (signal.aborted) steps.say(`stopping: ${signal.reason}`);
  await steps.step("stopped", () => system.stopAll());
  lock.release();
  return exitCode;
}

/** The work's result; rejects as soon as the signal comes, without waiting for the work to notice. */
function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, aborted]);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
