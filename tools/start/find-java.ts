import { existsSync } from "node:fs";
import { join } from "node:path";
import { KafkaMissing } from "./kafka-missing";
import { runTool } from "./run-tool";

const OLDEST_JAVA = 17;

/**
 * The Java to run Kafka with: JAVA_HOME's, or else the one on PATH, whichever is new enough.
 *
 * @returns the command
 * @throws KafkaMissing that says which were found
 */
export async function findJava(signal: AbortSignal): Promise<string> {
  const home = process.env["JAVA_HOME"];
  const candidates = [
    ...(home && existsSync(join(home, "bin")) ? [{ java: join(home, "bin/java"), from: "JAVA_HOME" }] : []),
    { java: "java", from: "PATH" },
  ];
  const found: string[] = [];
  for (const { java, from } of candidates) {
    const version = await versionOf(java, signal);
    if (version.major >= OLDEST_JAVA) return java;
    found.push(`${from} has ${version.words}`);
  }
  throw new KafkaMissing(`Kafka needs Java ${OLDEST_JAVA} or newer, and ${found.join(", ")}`);
}

/** `-version`, with one minus, is what Java 8 understands too; it answers `java version "1.8.0_402"` on standard error. */
async function versionOf(java: string, signal: AbortSignal): Promise<{ major: number; words: string }> {
  try {
    const { all } = await runTool(java, ["-version"], { signal });
    const [, version = "?", major] = /version "((?:1\.)?(\d+)[^"]*)"/.exec(all) ?? [];
    return { major: Number(major ?? 0), words: `Java ${version}` };
  } catch (error) {
    signal.throwIfAborted();
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { major: 0, words: isAbsent ? "none" : `one that cannot be run (${(error as Error).message})` };
  }
}
