import { existsSync, statfsSync } from "node:fs";
import type { Home } from "./home";
import { StartError, type Steps } from "./steps";

/** A new home: Postgres 48 MB and Kafka 92 MB with its jars, measured; then what Maven loads, 65 MB, and first logs. */
const NEW_HOME_MB = 400;
/** A home that is there needs room for its logs and a checkpoint. */
const KNOWN_HOME_MB = 100;

/** Proportional set sizes after the first orders: Kafka 410 MB, Postgres 60 MB, both processes and this one 290 MB. */
const KAFKA_MB = 410;
const POSTGRES_MB = 60;
const PROCESSES_MB = 290;

/**
 * Says before anything is begun that it could not be finished: too little disk refuses the start, because what is written
 * would be half; too little memory is only said, because the system may still make room by moving something out.
 *
 * @throws StartError if the home's disk is nearly full
 */
export function requireRoom(home: Home, steps: Steps, env: NodeJS.ProcessEnv = process.env): void {
  const needed = existsSync(home.path("postgres/data")) ? KNOWN_HOME_MB : NEW_HOME_MB;
  const { bavail, bsize } = statfsSync(home.folder);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free < needed) {
    throw new StartError(
      `the disk of ${home.folder} has ${free} MB free, and ${needed} MB are needed: make room, or name a folder on another disk by ORDERS_HOME`,
    );
  }
  const memory = PROCESSES_MB + (env["KAFKA_BROKERS"] ? 0 : KAFKA_MB) + (env["DATABASE_URL"] ? 0 : POSTGRES_MB);
  const available = Math.floor(process.availableMemory() / 1e6);
  if (available >= memory) return;
  steps.say(
    `  ${available} MB of memory are available, and about ${memory} MB are needed: it may get slow, or the system may end parts of it`,
  );
}
