import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Config } from "@jest/types";
import { requirePrograms } from "./machine";
import { type RunningServices, readAddresses, runServices } from "./run-services";
import { needsServices } from "./selected-tests";
import { makeTemplateDatabase } from "./template-database";

/** Handed from here to stop-services.ts; jest runs both in one process. */
export interface StartedServices {
  ordersTestServices?: RunningServices;
}

/**
 * jest's global setup: real services for the tests, unless none of the selected tests needs them. The environment
 * variable ORDERS_TEST_SERVICES=reuse takes those of `npm run services`, which saves ten seconds a run; `off` starts
 * none.
 */
module.exports = async (config: Config.GlobalConfig): Promise<void> => {
  const mode = process.env["ORDERS_TEST_SERVICES"];
  if (mode === "off" || !needsServices(config)) return;
  const start = performance.now();
  requirePrograms();
  prepare(config.rootDir);
  let addresses: Readonly<NodeJS.Dict<string>>;
  if (mode === "reuse") {
    addresses = readAddresses(join(config.rootDir, ".local/test/env"));
  } else {
    const services = await runServices();
    (globalThis as StartedServices).ordersTestServices = services;
    addresses = services.addresses;
  }
  const { KAFKA_BROKERS = "", DATABASE_URL = "", REDIS_URL = "" } = addresses;
  const { INGESTOR_DATABASE_URL = DATABASE_URL, READER_DATABASE_URL = DATABASE_URL } = addresses;
  Object.assign(process.env, {
    TEST_KAFKA_BROKERS: KAFKA_BROKERS,
    TEST_DATABASE_URL: DATABASE_URL,
    TEST_INGESTOR_DATABASE_URL: INGESTOR_DATABASE_URL,
    TEST_READER_DATABASE_URL: READER_DATABASE_URL,
    TEST_REDIS_URL: REDIS_URL,
    TEST_TEMPLATE_DATABASE: await makeTemplateDatabase({
      owner: DATABASE_URL,
      ingestor: INGESTOR_DATABASE_URL,
      reader: READER_DATABASE_URL,
    }),
  });
  process.stderr.write(`test services ready in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
};

/** Tests that run whole processes run them compiled: dist/ must be of these sources. */
function prepare(rootDir: string): void {
  const { status } = spawnSync(process.execPath, [join(rootDir, "tools/start/prepare.mjs")], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new Error("the project could not be prepared (see above)");
}
