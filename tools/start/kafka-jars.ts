import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { fetchKafka } from "./fetch-kafka";
import { findJava } from "./find-java";
import { damagedJar } from "./jar-folder";
import { StartError } from "./steps";
import type { System } from "./system";

/** A Kafka that can be run: its jars, and a folder of ours for what is derived from them. */
export interface KafkaJars {
  readonly classpath: string;
  readonly java: string;
  readonly cacheFolder: string;
}

/** The scripts of a Kafka distribution that may stand on PATH, and where its jars are from there. */
const SCRIPTS = ["kafka-server-start.sh", "kafka-server-start", "kafka-server-start.bat"];
const LIBS_FROM_SCRIPT = ["../libs", "../libexec/libs", "../../libs"];

/**
 * A Java, and the jars of KAFKA_HOME, else those that were fetched, else those of a Kafka on PATH, else those that Maven
 * fetches by deploy/kafka/pom.xml, once for all homes of this clone.
 *
 * @throws KafkaMissing with the ways out if there is no Java or no Maven
 */
export async function findKafka(system: System): Promise<KafkaJars> {
  const java = await findJava(system.signal);
  const installed = (libs: string): KafkaJars => {
    system.steps.say(`  using the Kafka of ${dirname(libs)}`);
    return { java, classpath: classpathOf(libs), cacheFolder: system.home.path("kafka") };
  };
  const { KAFKA_HOME } = process.env;
  if (KAFKA_HOME) return installed(join(KAFKA_HOME, "libs"));

  const folders = fetchedFolders(system.home.path);
  const fetched = folders.filter(existsSync);
  const whole = fetched.find((folder) => damagedJar(folder) === undefined);
  if (whole === undefined) {
    const onPath = fetched.length === 0 ? kafkaOnPath() : undefined;
    if (onPath !== undefined) return installed(onPath);
    for (const folder of fetched) system.steps.say(`  ${folder}: ${damagedJar(folder)}; it is fetched again`);
  }
  const folder = whole ?? folders.find(canBeMade) ?? "";
  if (whole === undefined) await fetchKafka(system, pomPath(), folder);
  return { java, classpath: classpathOf(join(folder, "libs")), cacheFolder: folder };
}

/** Where jars are put that were fetched: for all homes of this clone, or else for the one of `path`. */
export function fetchedFolders(path: (...parts: string[]) => string): string[] {
  // The pom's hash in the name: another version is another folder, and a rename makes a folder whole or absent.
  const name = `jars-${createHash("sha256").update(readFileSync(pomPath())).digest("hex").slice(0, 12)}`;
  return [...new Set([join(projectRoot(), ".local/kafka", name), path(join("kafka", name))])];
}

const pomPath = (): string => join(projectRoot(), "deploy/kafka/pom.xml");

/** The folder of jars of a Kafka distribution whose scripts stand on PATH. */
export function kafkaOnPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders
    .flatMap((folder) => SCRIPTS.map((script) => join(folder, script)))
    .filter(existsSync)
    .flatMap((script) => LIBS_FROM_SCRIPT.map((libs) => join(dirname(realpathSync(script)), libs)))
    .find((libs) => jarsOf(libs).some((jar) => jar.startsWith("kafka_")));
}

/** Sorted, because a class-data archive is valid for one order of jars only. */
function classpathOf(libs: string): string {
  const jars = jarsOf(libs);
  if (jars.length === 0) throw new StartError(`there are no jars in ${libs}: is KAFKA_HOME a Kafka distribution?`);
  return jars
    .sort()
    .map((jar) => join(libs, jar))
    .join(delimiter);
}

export function jarsOf(libs: string): string[] {
  return existsSync(libs) ? readdirSync(libs).filter((file) => file.endsWith(".jar")) : [];
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
