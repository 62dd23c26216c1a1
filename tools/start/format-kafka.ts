import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "./home";
import { javaEnvironment } from "./java-environment";
import { isWholeMeta, type KafkaFiles } from "./kafka-files";
import type { KafkaJars } from "./kafka-jars";
import { runTool } from "./run-tool";
import type { System } from "./system";

/**
 * Gives the data folder its ids and its first metadata. A format that was cut off is repeated; what is formatted is left
 * alone. What the format wrote and a power cut took comes back from the copies: a new note would name another folder, in
 * which the topics have no leaders, and without the first metadata Kafka does not start.
 *
 * @throws StartError with Kafka's own words if it cannot be formatted
 */
export async function formatKafka(
  system: System,
  jars: KafkaJars,
  files: KafkaFiles,
  options: readonly string[],
): Promise<void> {
  const meta = [files.meta, files.formatted].map(textOf).find(isWholeMeta);
  // Kafka never writes it again, so what differs from its copy is damaged.
  const bootstrap = [files.bootstrapCopy, files.bootstrap].map(bytesOf).find((bytes) => bytes !== undefined);
  if (meta === undefined || bootstrap === undefined) {
    // With a note Kafka would take the folder for formatted.
    rmSync(files.meta, { force: true });
    await runFormat(system, jars, files, options);
  }
  if (meta !== undefined) putBack(system, files.meta, Buffer.from(meta));
  if (bootstrap !== undefined) putBack(system, files.bootstrap, bootstrap);
  if (textOf(files.formatted) === textOf(files.meta) && bytesOf(files.bootstrapCopy)) return;
  // The copies say that the data are whole, so they may not be on the disk before all of that is.
  for (const folder of [files.data, files.folder]) flushFolder(folder);
  writeWhole(files.bootstrapCopy, readFileSync(files.bootstrap));
  writeWhole(files.formatted, readFileSync(files.meta));
}

async function runFormat(
  system: System,
  jars: KafkaJars,
  files: KafkaFiles,
  options: readonly string[],
): Promise<void> {
  const tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", files.clusterId];
  const logging = `-Dlog4j2.configurationFile=${files.logging}`;
  await runTool(jars.java, ["-XX:+UseSerialGC", logging, ...options, ...tool, "-c", files.properties], {
    signal: system.signal,
    env: javaEnvironment({ CLASSPATH: jars.classpath }),
  });
}

function putBack(system: System, file: string, bytes: Uint8Array): void {
  if (bytesOf(file)?.equals(bytes)) return;
  system.steps.say(`  ${file} was lost or damaged: it is put back as it was`);
  writeWhole(file, bytes);
}

/** What is in a file; nothing if it is not there, or was emptied. */
function bytesOf(file: string): Buffer | undefined {
  const bytes = existsSync(file) ? readFileSync(file) : undefined;
  return bytes?.some((byte) => byte !== 0) ? bytes : undefined;
}

function textOf(file: string): string | undefined {
  return bytesOf(file)?.toString();
}

/** Windows keeps a folder's entries by itself, and opens none. */
function flushFolder(folder: string): void {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = [...files.map(({ name }) => join(folder, name)), ...(process.platform === "win32" ? [] : [folder])];
  for (const path of paths) {
    const file = openSync(path, process.platform === "win32" ? "r+" : "r");
    fsyncSync(file);
    closeSync(file);
  }
}
