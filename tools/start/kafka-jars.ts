import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { System } from "./system";

/** A Kafka that can be run: its jars, and a folder of ours for what is derived from them, if there is one. */
export interface KafkaJars {
  readonly classpath: string;
  readonly java: string;
  readonly cacheFolder: string;
}

const OLDEST_JAVA = 17;

/**
 * `KAFKA_HOME`'s jars, otherwise those that Maven fetches by deploy/kafka/pom.xml, once for all homes of this clone.
 *
 * @throws StartError with the ways out if there is no Java or no Maven
 */
export async function findKafka(system: System): Promise<KafkaJars> {
  const java = await findJava(system.signal);
  const given = process.env["KAFKA_HOME"];
  if (given) return { java, classpath: classpathOf(join(given, "libs")), cacheFolder: system.home.path("kafka") };
  const pom = join(projectRoot(), "deploy/kafka/pom.xml");
  // The pom's hash in the name: another version is another folder, and the rename makes a folder whole or absent.
  const name = `jars-${createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12)}`;
  const folders = [join(projectRoot(), ".local/kafka", name), system.home.path("kafka", name)];
  const folder = folders.find(existsSync) ?? (await download(system, pom, folders.find(canBeMade) ?? ""));
  return { java, classpath: classpathOf(join(folder, "libs")), cacheFolder: folder };
}

async function download(system: System, pom: string, folder: string): Promise<string> {
  const draft = `${folder}.${process.pid}`;
  mkdirSync(join(draft, "libs"), { recursive: true });
  system.steps.say("  fetching Apache Kafka from Maven Central (about 45 MB, and 30 MB for Maven's own parts) …");
  try {
    await system.steps.step("Apache Kafka fetched", () =>
      runTool("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${draft}/libs`], {
        signal: system.signal,
        env: { ...process.env, MAVEN_OPTS: `${process.env["MAVEN_OPTS"] ?? ""} -Djansi.mode=strip` },
      }),
    );
    if (!existsSync(folder)) renameSync(draft, folder);
    return folder;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT"
      ? new StartError(waysOut("Maven is not installed"))
      : error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Sorted, because a class-data archive is valid for one order of jars only. */
function classpathOf(libs: string): string {
  const jars = existsSync(libs) ? readdirSync(libs).filter((file) => file.endsWith(".jar")) : [];
  if (jars.length === 0) throw new StartError(`there are no jars in ${libs}: is KAFKA_HOME a Kafka distribution?`);
  return jars
    .sort()
    .map((jar) => join(libs, jar))
    .join(process.platform === "win32" ? ";" : ":");
}

async function findJava(signal: AbortSignal): Promise<string> {
  const home = process.env["JAVA_HOME"];
  const java = home && existsSync(join(home, "bin")) ? join(home, "bin/java") : "java";
  const version = await runTool(java, ["--version"], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new StartError(waysOut(`Java cannot be run (${error instanceof Error ? error.message : error})`));
  });
  const major = Number(/\s(\d+)/.exec(version)?.[1]);
  if (!(major >= OLDEST_JAVA)) throw new StartError(waysOut(`Kafka needs Java ${OLDEST_JAVA}, ${java} is ${major}`));
  return java;
}

function waysOut(reason: string): string {
  return `${reason}, so Kafka cannot be started here. Any of these helps:
  · Java ${OLDEST_JAVA} or newer and Maven; on Debian or Ubuntu: sudo apt-get install openjdk-17-jre-headless maven
  · a broker of yours: KAFKA_BROKERS=host:9092 npm start
  · everything in containers: docker compose up`;
}

function canBeMade(folder: string): boolean {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    accessSync(dirname(folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
