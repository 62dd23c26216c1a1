import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createKafka, kafkaSettings } from "../../runtime/kafka/client";
import { createLog } from "../../runtime/log";
import { readSettings } from "../../runtime/settings";
import { type DatabaseUrls, migrateDatabase } from "../start/database";
import { callGuardian } from "../start/guardian";
import { type Home, openHome } from "../start/home";
import { startKafka } from "../start/kafka";
import { createRunningRecord } from "../start/leftovers";
import { keepPasswords } from "../start/passwords";
import { createPorts } from "../start/ports";
import { startPostgres } from "../start/postgres";
import { startRedis } from "../start/redis";
import { createSteps } from "../start/steps";
import type { Service, Supervised } from "../start/supervise";
import { createSystem, type System } from "../start/system";
import { awaitGroupCoordinator, createTopics } from "../start/topics";
import { createCommitFilter } from "./commit-filter";
import { type HalfOpenProxy, startHalfOpenProxy } from "./half-open-proxy";
import { createNoticeFilter } from "./notice-filter";

/** A part that runs as a supervised process. */
export type Part = "ingestor-1" | "ingestor-2" | "reader-1" | "reader-2" | "kafka" | "postgres" | "redis";
export type Link = `${string} ${"kafka" | "postgres" | "redis"}`;
type IngestorName = "ingestor-1" | "ingestor-2";
type ReaderName = "reader-1" | "reader-2";

/** A whole system of the chaos's own. Every connection of its programs goes through a proxy that can be broken. */
export interface ChaosSystem {
  readonly home: Home;
  /** Past the proxies, for whoever checks. */
  readonly brokers: string;
  readonly database: DatabaseUrls;
  readonly redisPort: number;
  readonly readerUrls: readonly string[];
  pid(part: Part): number | undefined;
  link(name: Link): HalfOpenProxy;
  /** Notices to this reader are swallowed from now on, or pass again. */
  swallowNotices(reader: ReaderName, isSwallowing: boolean): void;
  /** This ingestor's commits are done and not answered from now on, or answered again. */
  loseCommits(ingestor: IngestorName, isLosing: boolean): void;
  noticesSwallowed(): number;
  /** A third ingestor, without proxies; stopped by the caller, or at the end. */
  startIngestor(name: string): Supervised;
  stop(): Promise<void>;
}

export interface ChaosSystemOptions {
  readonly folder: string;
  /** Where the compiled programs are that are run: `dist`, or another build's. */
  readonly dist: string;
  readonly signal: AbortSignal;
}

const STOP_MS = 5_000;
const ALL_READY_MS = 60_000;

/** @throws StartError if a part does not start; whatever has been started by then is stopped */
export async function startChaosSystem(options: ChaosSystemOptions): Promise<ChaosSystem> {
  const home = openHome({ ORDERS_HOME: options.folder });
  mkdirSync(home.path("logs"), { recursive: true });
  const steps = createSteps({ write: (text: string) => appendFileSync(home.path("logs/supervisor.log"), text) });
  const system = createSystem({
    ...{ home, steps, signal: options.signal },
    ports: createPorts(home, steps, true),
    guardian: callGuardian(home),
    running: createRunningRecord(home),
  });
  try {
    return await bringUp(system, options);
  } catch (error) {
    await system.stopAll();
    throw error;
  }
}

async function bringUp(system: System, { dist }: ChaosSystemOptions): Promise<ChaosSystem> {
  const { home, ports } = system;
  const supervised = new Map<string, Supervised>();
  // What start-up supervises by itself is found by its name.
  const watched: System = {
    ...system,
    supervise: (service) => {
      const part = system.supervise(service);
      supervised.set(service.name.toLowerCase(), part);
      return part;
    },
  };
  const links = new Map<string, HalfOpenProxy>();
  const swallowing = new Set<string>();
  const losing = new Set<string>();
  let swallowed = 0;

  const doors: { port: number; advertisedPort: number }[] = [];
  for (const ingestor of ["ingestor-1", "ingestor-2"]) {
    const port = await ports.choose(`Kafka for ${ingestor}`, 0);
    const door = await startHalfOpenProxy(`tcp://127.0.0.1:${port}`);
    links.set(`${ingestor} kafka`, door);
    doors.push({ port, advertisedPort: portOf(door.url) });
  }
  const [brokers, database, redis] = await Promise.all([
    startKafka(watched, doors).then(async (address) => {
      await makeTopics(address);
      return address;
    }),
    startPostgres(watched, keepPasswords(home)).then((owner) => migrateDatabase(watched, owner, keepPasswords(home))),
    startRedis(watched),
  ]);

  const run = (name: string, program: "ingestor" | "reader", env: NodeJS.ProcessEnv): Supervised =>
    watched.supervise({ ...programOf(name, program, dist, home), env: { ...programEnv(), ...env } });
  for (const ingestor of ["ingestor-1", "ingestor-2"]) {
    const toPostgres = await startHalfOpenProxy(database.ingestor, (cut) =>
      createCommitFilter({ isLosing: () => losing.has(ingestor), cut }),
    );
    const toRedis = await startHalfOpenProxy(redis);
    links.set(`${ingestor} postgres`, toPostgres).set(`${ingestor} redis`, toRedis);
    const port = await ports.choose(ingestor, 0);
    const ready = run(ingestor, "ingestor", {
      KAFKA_BROKERS: `127.0.0.1:${portOf(links.get(`${ingestor} kafka`)?.url ?? "")}`,
      DATABASE_URL: toPostgres.url,
      REDIS_URL: toRedis.url,
      INGESTOR_PORT: String(port),
    });
    await ready.whenReady(() => isReady(`http://127.0.0.1:${port}`), ALL_READY_MS);
  }
  const readerUrls: string[] = [];
  for (const reader of ["reader-1", "reader-2"]) {
    const toPostgres = await startHalfOpenProxy(database.reader, () => ({
      toClient: createNoticeFilter({ isSwallowing: () => swallowing.has(reader), onSwallowed: () => swallowed++ }),
    }));
    links.set(`${reader} postgres`, toPostgres);
    const port = await ports.choose(reader, 0);
    readerUrls.push(`http://127.0.0.1:${port}`);
    const ready = run(reader, "reader", { DATABASE_URL: toPostgres.url, READER_PORT: String(port) });
    await ready.whenReady(() => isReady(`http://127.0.0.1:${port}`), ALL_READY_MS);
  }

  return {
    ...{ home, brokers, database, readerUrls, redisPort: portOf(redis) },
    pid: (part) => supervised.get(part)?.pid(),
    link: (name) => found(links, name),
    swallowNotices: (reader, isSwallowing) => void (isSwallowing ? swallowing.add(reader) : swallowing.delete(reader)),
    loseCommits: (ingestor, isLosing) => void (isLosing ? losing.add(ingestor) : losing.delete(ingestor)),
    noticesSwallowed: () => swallowed,
    startIngestor: (name) =>
      run(name, "ingestor", {
        ...{ KAFKA_BROKERS: brokers, DATABASE_URL: database.ingestor, REDIS_URL: redis },
        INGESTOR_PORT: "0",
      }),
    async stop() {
      const programs = [...supervised].filter(([name]) => /^(ingestor|reader)-/.test(name));
      await Promise.all(programs.map(([, part]) => part.stop(STOP_MS)));
      await Promise.all([...links.values()].map((link) => link.close()));
      await system.stopAll();
    },
  };
}

/** The topics as an installation has them, and a broker that can coordinate the ingestors' group. */
async function makeTopics(brokers: string): Promise<void> {
  const settings = readSettings(
    [...kafkaSettings, "KAFKA_TOPIC", "KAFKA_DLQ_TOPIC", "KAFKA_GROUP", "LOG_LEVEL", "LOG_FORMAT"],
    { KAFKA_BROKERS: brokers, LOG_LEVEL: "silent" },
  );
  const kafka = createKafka(settings, createLog("chaos", settings), "orders-chaos");
  await createTopics(kafka, { orders: settings.KAFKA_TOPIC, dlq: settings.KAFKA_DLQ_TOPIC });
  await awaitGroupCoordinator(kafka, settings.KAFKA_GROUP, settings.KAFKA_TOPIC);
}

function programOf(name: string, program: "ingestor" | "reader", dist: string, home: Home): Service {
  const logFile = home.path("logs", `${name}.log`);
  return { name, command: process.execPath, args: [join(dist, program, "main.js")], logFile };
}

/** No setting of whoever started the chaos changes what is tested. */
function programEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LOG_LEVEL: process.env["LOG_LEVEL"], LOG_FORMAT: "json" };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new Error(`the system has no ${name}`);
  return value;
}
