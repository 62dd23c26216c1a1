// Whether npm start will find a way to run Kafka, as far as that can be seen before the packages are there: asked before
// 600 MB are installed in vain. kafka-jars.ts looks again, and closely.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const OLDEST_JAVA = 17;
/** An engine that hangs is none. */
const ANSWER_MS = 10_000;
const MAVEN = ["mvn", "mvn.cmd"];
const KAFKA = ["kafka-server-start.sh", "kafka-server-start", "kafka-server-start.bat"];

/** @returns what is missing and the ways out, as npm start says them; nothing if there is a way */
export function kafkaMissing(root, env = process.env) {
  if (env.KAFKA_BROKERS) return undefined;
  const javas = [...(env.JAVA_HOME ? [join(env.JAVA_HOME, "bin", "java")] : []), "java"];
  const reason = javas.some((java) => javaVersion(java, env) >= OLDEST_JAVA)
    ? hasKafka(root, env) || isOnPath(MAVEN, env)
      ? undefined
      : "Maven is not installed"
    : `Kafka needs Java ${OLDEST_JAVA} or newer`;
  if (reason === undefined || dockerAnswers(env)) return undefined;
  const ways = JSON.parse(readFileSync(join(root, "tools", "start", "kafka-ways.json"), "utf8"));
  return `${reason}.\nSo Kafka cannot be started here. Any of these helps:\n${ways.map((way) => `  · ${way}`).join("\n")}`;
}

/** 0 if it cannot be run; Java 8 calls itself 1.8. */
function javaVersion(java, env) {
  const { stderr } = spawnSync(java, ["-version"], { env, encoding: "utf8" });
  return Number(/version "(?:1\.)?(\d+)/.exec(stderr ?? "")?.[1] ?? 0);
}

function hasKafka(root, env) {
  const fetched = [join(root, ".local", "kafka"), ...(env.ORDERS_HOME ? [join(env.ORDERS_HOME, "kafka")] : [])];
  const isFetched = (folder) => existsSync(folder) && readdirSync(folder).some((name) => /^jars-\w+$/.test(name));
  return Boolean(env.KAFKA_HOME) || isOnPath(KAFKA, env) || fetched.some(isFetched);
}

function isOnPath(programs, env) {
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.some((folder) => programs.some((program) => existsSync(join(folder, program))));
}

function dockerAnswers(env) {
  const options = { env, timeout: ANSWER_MS, stdio: "ignore" };
  return spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], options).status === 0;
}
