import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { addFindings, type Findings } from "./answers";
import { type ChaosSystem, startChaosSystem } from "./chaos-system";
import { awaitLevel, checkBooks, UP_AGAIN_MS } from "./check-books";
import { type Helper, startHelper } from "./helper";
import { injectAll } from "./inject";
import { patiently } from "./patiently";
import type { RunResult } from "./result";
import { type FaultName, type FaultTarget, makeSchedule } from "./schedule";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly faults: readonly FaultName[];
  readonly targets: readonly FaultTarget[];
  readonly dist: string;
  /** Where the run keeps everything. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** What G7 promises for an order whose notice got lost. */
const READABLE_WITHIN_MS = 2_000;
/** The publisher has its last records acknowledged once Kafka is there again. */
const PUBLISHER_ENDS_MS = 60_000;
const ASKER_ANSWERS_MS = 60_000;

/**
 * One run: a new system, load and faults by the seed, then peace, and the count.
 *
 * At the end of every run the notices to both readers are lost, so that only the poll brings the last orders; and once
 * all is level PostgreSQL is taken away from the readers, who have to know every order by heart.
 *
 * @throws StartError if the system does not start; the signal's reason if it came first. Nothing of it runs any more then.
 */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  const system = await startChaosSystem(options);
  const { home } = system;
  const sendsFile = home.path("sends.jsonl");
  const startedAt = performance.now();
  const say = (text: string): void => {
    const at = Math.round(performance.now() - startedAt);
    appendFileSync(home.path("logs/chaos.log"), `${new Date().toISOString()} ${at} ms: ${text}\n`);
  };
  const helpers: Helper[] = [];
  try {
    const publisher = startHelper("publisher", [sendsFile, String(options.seed), String(options.rate)], {
      env: { KAFKA_BROKERS: system.brokers },
      logFile: home.path("logs/publisher.log"),
    });
    helpers.push(publisher);
    const asker = startHelper("asker", [sendsFile, ...system.readerUrls], {
      env: { DATABASE_URL: system.database.owner },
      logFile: home.path("logs/asker.log"),
    });
    helpers.push(asker);
    return await disturbAndCheck(options, { system, publisher, asker, sendsFile, say });
  } finally {
    for (const helper of helpers) helper.kill();
    await system.stop();
  }
}

interface Running {
  readonly system: ChaosSystem;
  readonly publisher: Helper;
  readonly asker: Helper;
  readonly sendsFile: string;
  readonly say: (text: string) => void;
}

async function disturbAndCheck(options: RunOptions, running: Running): Promise<RunResult> {
  const { seed, seconds, signal } = options;
  const { system, publisher, asker, sendsFile, say } = running;
  const { kafka, topics } = clientOf(system);
  const end = performance.now() + seconds * 1_000;
  const faults = await injectAll(makeSchedule(options), { system, kafka, topic: topics.topic, signal, say });
  for (const reader of ["reader-1", "reader-2"] as const) system.swallowNotices(reader, true);
  await sleep(Math.max(0, end - performance.now()), undefined, { signal }).catch(() => {});
  publisher.tell("stop");
  await publisher.ended(PUBLISHER_ENDS_MS);
  signal.throwIfAborted();
  say("no more records are published");

  const admin = kafka.admin();
  await patiently(UP_AGAIN_MS, () => admin.connect());
  const check = { kafka, admin, topics, sendsFile, databaseUrl: system.database.owner, say };
  try {
    const recoveredMs = await awaitLevel(check);
    const findings = await questionReaders(system, asker);
    say(`${system.noticesSwallowed()} notices were lost`);
    const { comparison, differences } = await checkBooks(check);
    const wrongBytes = comparison.wrongBytes + findings.wrongBytes;
    return { seed, seconds, ...comparison, ...findings, wrongBytes, differences, recoveredMs, faults };
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** Has every order read from every reader; then from its memory alone, the notices of the last ones being lost. */
async function questionReaders(system: ChaosSystem, asker: Helper): Promise<Findings & Unanswered> {
  const levelAt = performance.now();
  asker.tell("finish");
  const { unread, ...running } = await asker.answer<Findings & Pick<Unanswered, "unread">>(ASKER_ANSWERS_MS);
  await sleep(Math.max(0, levelAt + READABLE_WITHIN_MS - performance.now()));
  for (const reader of ["reader-1", "reader-2"] as const) system.link(`${reader} postgres`).refuse();
  asker.tell("from-memory");
  const { unserved, ...fromMemory } = await asker.answer<Findings & Pick<Unanswered, "unserved">>(ASKER_ANSWERS_MS);
  return { ...addFindings(running, fromMemory), unread, unserved };
}

type Unanswered = Pick<RunResult, "unread" | "unserved">;

/** A client of this system, with the names that an installation has where nothing else is set. */
function clientOf({ brokers }: ChaosSystem) {
  const settings = readSettings(
    [...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "KAFKA_GROUP", "LOG_LEVEL", "LOG_FORMAT"],
    { KAFKA_BROKERS: brokers, LOG_LEVEL: "silent" },
  );
  return {
    kafka: createKafka(settings, createLog("chaos", settings), "orders-chaos"),
    topics: { topic: settings.KAFKA_TOPIC, dlqTopic: settings.KAFKA_DLQ_TOPIC, group: settings.KAFKA_GROUP },
  };
}
