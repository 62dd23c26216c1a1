import { existsSync } from "node:fs";
import { join } from "node:path";
import { findJava } from "../start/find-java";
import { damagedJar } from "../start/jar-folder";
import { findCompose } from "../start/kafka-in-docker";
import { fetchedFolders, jarsOf, kafkaOnPath } from "../start/kafka-jars";
import { KafkaMissing } from "../start/kafka-missing";
import { runTool } from "../start/run-tool";
import { type Finding, unwell, well } from "./finding";

/** What hangs is of no use to npm start either. */
const ANSWER_MS = 20_000;

const MEND =
  "on Debian or Ubuntu: sudo apt-get install openjdk-17-jre-headless maven; elsewhere Java 17 or newer (JAVA_HOME) with Maven, a Kafka (KAFKA_HOME), a running Docker engine, or brokers of yours (KAFKA_BROKERS)";

/**
 * Where nothing runs yet: whether `npm start` will have a Kafka, from wherever it takes one. Looks at the process's own
 * environment, as `npm start` does.
 *
 * @param home the folder of the local system's data
 */
export async function checkKafkaSource(home: string): Promise<Finding> {
  const { KAFKA_BROKERS, KAFKA_HOME } = process.env;
  if (KAFKA_BROKERS) return well("kafka", `npm start will use the brokers of KAFKA_BROKERS, ${KAFKA_BROKERS}`);
  const signal = AbortSignal.timeout(ANSWER_MS);
  let missing: string;
  try {
    const java = await findJava(signal);
    if (KAFKA_HOME && jarsOf(join(KAFKA_HOME, "libs")).length === 0) {
      const mend = "name the folder of a Kafka distribution there, or nothing";
      return unwell("kafka", `there are no jars in ${join(KAFKA_HOME, "libs")}, which KAFKA_HOME leads to`, mend);
    }
    const source = KAFKA_HOME || jarsHere(home) || ((await hasMaven(signal)) && "what Maven will fetch");
    if (source) return well("kafka", `npm start can run one: ${java}, and ${source}`);
    missing = "Maven, which fetches Kafka, is not installed";
  } catch (error) {
    missing = error instanceof KafkaMissing ? error.reason : `Java does not answer (${(error as Error).message})`;
  }
  const isInDocker = await findCompose({ signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
  if (isInDocker) return well("kafka", `${missing}; Docker runs, and gives npm start its Kafka`);
  return unwell("kafka", `${missing}, and no Docker engine runs: npm start cannot have a Kafka`, MEND);
}

function jarsHere(home: string): string | undefined {
  const whole = fetchedFolders((part) => join(home, part)).find(
    (folder) => existsSync(folder) && damagedJar(folder) === undefined,
  );
  return whole ?? kafkaOnPath();
}

async function hasMaven(signal: AbortSignal): Promise<boolean> {
  return runTool("mvn", ["-version"], { signal, shell: process.platform === "win32" }).then(
    () => true,
    () => false,
  );
}
