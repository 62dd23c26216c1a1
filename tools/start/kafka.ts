import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { formatKafka } from "./format-kafka";
import { flush } from "./home";
import { javaEnvironment } from "./java-environment";
import { canConnect, clusterIdAt } from "./kafka-answers";
import { type KafkaDoor, type KafkaFiles, writeKafkaFiles } from "./kafka-files";
import { startKafkaInDocker } from "./kafka-in-docker";
import { findKafka, type KafkaJars } from "./kafka-jars";
import { KafkaMissing } from "./kafka-missing";
import { identify } from "./process-identity";
import { runTool } from "./run-tool";
import type { Supervised } from "./supervise";
import type { System } from "./system";
import { wakeLate } from "./wake-late";

const LARGEST_LOG_BYTES = 10_000_000;
const MOST_ATTEMPTS = 3;
const STOP_MS = 5_000;
/** After this time a broker runs with all of its threads, also on a machine that is busy with the start. */
const SETTLED_MS = 60_000;

/**
 * Starts Apache Kafka as one node that is broker and controller, on 127.0.0.1 alone, and waits until it listens. Where
 * Java cannot run it, a running Docker engine does.
 *
 * @param doors further listeners, for clients that are to come by way of something else; the Docker engine has none
 * @returns the broker's address, host:port
 * @throws StartError if there is no way to run it, or it does not start; its log is named
 */
export async function startKafka(system: System, doors: readonly KafkaDoor[] = []): Promise<string> {
  try {
    return await startJava(system, await findKafka(system), doors);
  } catch (error) {
    if (error instanceof KafkaMissing && doors.length === 0) return startKafkaInDocker(system, error);
    throw error;
  }
}

async function startJava(system: System, jars: KafkaJars, doors: readonly KafkaDoor[]): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await system.ports.choose("Kafka", 9092);
    const controllerPort = await system.ports.choose("Kafka's controller", 9093);
    const files = writeKafkaFiles(system.home, port, controllerPort, doors);
    const archive = classArchive(jars);
    try {
      await system.steps.step(`Kafka listens on 127.0.0.1:${port}`, async () => {
        await formatKafka(system, jars, files, archive.useOnly());
        const kafka = run(system, jars, files, archive);
        await kafka
          // Orders must not go to somebody else's broker.
          .whenReady(async () => (await clusterIdAt(port)) === files.clusterId, 120_000)
          .catch(async (error: unknown) => {
            await kafka.stop(STOP_MS);
            throw error;
          });
        await archive.make(system, files, kafka.pid());
      });
      return `127.0.0.1:${port}`;
    } catch (error) {
      // Another system may have taken a port since it was found free, as when two are started at once.
      const isTaken = (await canConnect(port)) || (await canConnect(controllerPort));
      if (!isTaken || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

function run(system: System, jars: KafkaJars, files: KafkaFiles, archive: ClassArchive): Supervised {
  return system.supervise({
    name: "Kafka",
    command: jars.java,
    // The heap that one node needs for this project's loads; the serial collector is the smallest.
    args: [
      "-Xmx512m",
      "-XX:+UseSerialGC",
      "-XX:+ExitOnOutOfMemoryError",
      // Compiled once, quickly: the compiler for the highest loads goes on for many minutes after a start and holds 120 MiB.
      // Over the first 90,000 orders the broker took 54 to 18 µs of processor time each, with that compiler 105 to 34.
      "-XX:TieredStopAtLevel=1",
      // After 20 calls, where 200 are usual: most of what an idle broker does it does less than once a second, and would
      // interpret, and compile one after the other, for many minutes.
      "-XX:CompileThresholdScaling=0.1",
      // Samples of itself, for tools that nobody uses here.
      "-XX:-UsePerfData",
      "-Djava.awt.headless=true",
      "-Xlog:cds=error",
      `-Dlog4j2.configurationFile=${files.logging}`,
      ...archive.options(),
      "kafka.Kafka",
      files.properties,
    ],
    env: javaEnvironment({ CLASSPATH: jars.classpath }),
    cwd: files.folder,
    logFile: files.log,
    settled: { afterMs: SETTLED_MS, call: wakeLate },
    before: () => {
      if ((statSync(files.log, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_LOG_BYTES) {
        renameSync(files.log, `${files.log}.1`);
      }
    },
  });
}

/**
 * Kafka's classes as the JVM keeps them: 1.8 s instead of 4.4 s to a listening broker. Made once, when a first broker
 * listens and nobody waits for it yet: the JVM stands still for some seconds, which at its end would use up the time
 * that stopping may take.
 */
interface ClassArchive {
  /** Options of the broker: use the archive, or be able to make it. */
  options(): string[];
  useOnly(): string[];
  /** Makes the archive of a running broker's classes if there is none. Without it all is well, but slower. */
  make(system: System, files: KafkaFiles, pid: number | undefined): Promise<void>;
}

function classArchive(jars: KafkaJars): ClassArchive {
  const name = createHash("sha256").update(`${jars.java}\n${jars.classpath}`).digest("hex").slice(0, 12);
  const draft = join(jars.cacheFolder, `classes-${name}.jsa.${process.pid}`);
  forgetDrafts(jars.cacheFolder, process.pid);
  const find = (): string | undefined => wholeArchive(jars.cacheFolder, name);
  const use = (file: string | undefined, otherwise: string[]): string[] =>
    file === undefined ? otherwise : ["-Xshare:auto", `-XX:SharedArchiveFile=${file}`];
  return {
    options: () => use(find(), ["-XX:+RecordDynamicDumpInfo"]),
    useOnly: () => use(find(), []),
    async make(system, files, pid) {
      if (pid === undefined || find() !== undefined) return;
      // jcmd understands no space in a name, so the broker writes into the folder in which it stands. An older one is in
      // the way of a new one.
      const written = join(files.folder, "classes.jsa");
      rmSync(written, { force: true });
      try {
        // It comes with a JDK and stands beside its java.
        const jcmd = join(dirname(jars.java), "jcmd");
        await runTool(jcmd, [String(pid), "VM.cds", "dynamic_dump", basename(written)], {
          signal: system.signal,
          env: javaEnvironment(),
        });
        // The cache may lie on another disk.
        copyFileSync(written, draft);
        // The JVM has closed it to its owner too.
        chmodSync(draft, 0o600);
        flush(draft);
        renameSync(draft, join(jars.cacheFolder, `classes-${name}-${statSync(draft).size}.jsa`));
      } catch (error) {
        const isJdk = (error as NodeJS.ErrnoException).code !== "ENOENT";
        if (isJdk && !system.signal.aborted)
          system.steps.say(`  later starts take longer: ${(error as Error).message}`);
      } finally {
        rmSync(written, { force: true });
      }
    },
  };
}

/** A JVM ends at an archive that was cut off, each time: its name says which size it had. One of another size is removed. */
function wholeArchive(folder: string, name: string): string | undefined {
  let whole: string | undefined;
  for (const each of readdirSync(folder)) {
    if (!each.startsWith(`classes-${name}`) || !each.endsWith(".jsa")) continue;
    const file = join(folder, each);
    if (each === `classes-${name}-${statSync(file).size}.jsa`) whole = file;
    else rmSync(file, { force: true });
  }
  return whole;
}

/** A JVM that was killed while it wrote its archive leaves a part of it. */
function forgetDrafts(folder: string, ownPid: number): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/\.jsa\.(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && (pid === ownPid || !identify(pid))) rmSync(join(folder, name), { force: true });
  }
}
