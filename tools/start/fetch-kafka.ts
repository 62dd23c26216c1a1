import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { acceptJars } from "./jar-folder";
import { javaEnvironment } from "./java-environment";
import { KafkaMissing } from "./kafka-missing";
import { identify } from "./process-identity";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { System } from "./system";

/** What Maven loads into an empty repository, measured: Kafka's 45 jars, and parts and descriptions of Maven's own. */
const TOTAL_MB = 65;
const IN_MB: Readonly<Record<string, number>> = { B: 1e-6, kB: 1e-3, KB: 1e-3, MB: 1 };

/**
 * Fetches Apache Kafka's jars by Maven. They are complete under `folder`, or the folder is not there.
 *
 * @throws KafkaMissing if there is no Maven, or it reaches neither the network nor a repository that has them
 */
export async function fetchKafka(system: System, pom: string, folder: string): Promise<void> {
  removeOldDrafts(folder);
  const draft = `${folder}.${process.pid}`;
  const ownRepository = `${draft}.m2`;
  system.steps.say(`  fetching Apache Kafka from Maven Central (up to ${TOTAL_MB} MB, less what Maven has) …`);
  try {
    await system.steps.step("Apache Kafka is fetched", async () => {
      const damaged = await copyJars(system, pom, draft, mavenMayWrite() ? undefined : ownRepository);
      if (damaged !== undefined) {
        // Maven trusts what it once had; a repository of our own has nothing old.
        system.steps.say(`  ${damaged} is cut off in Maven's repository; it is fetched without that`);
        const again = await copyJars(system, pom, draft, ownRepository);
        if (again !== undefined) throw new StartError(`${again} is cut off at its source: see Maven's settings.xml`);
      }
    });
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    system.steps.progress();
    for (const path of [draft, ownRepository]) rmSync(path, { recursive: true, force: true });
  }
}

/** Returns the jar that is cut off, if there is one. */
async function copyJars(system: System, pom: string, draft: string, repository?: string): Promise<string | undefined> {
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(join(draft, "libs"), { recursive: true });
  const args = ["-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${join(draft, "libs")}`];
  let megabytes = 0;
  await runMaven([...args, ...(repository === undefined ? [] : [`-Dmaven.repo.local=${repository}`])], {
    signal: system.signal,
    env: javaEnvironment({ MAVEN_OPTS: `${process.env["MAVEN_OPTS"] ?? ""} -Djansi.mode=strip` }),
    onLine: (line) => {
      const [, size, unit = ""] = /Downloaded from .* \(([\d.]+) (\w+) at /.exec(line) ?? [];
      megabytes += Number(size ?? 0) * (IN_MB[unit] ?? 0);
      // Maven does not tell how far it is with what it has already.
      if (megabytes > 0)
        system.steps.progress(megabytes / TOTAL_MB, `${Math.round(megabytes)} of about ${TOTAL_MB} MB`);
    },
  });
  return acceptJars(draft);
}

async function runMaven(args: readonly string[], options: Parameters<typeof runTool>[2]): Promise<void> {
  // Windows has mvn.cmd, which only a shell runs.
  const shell = process.platform === "win32";
  try {
    await runTool("mvn", shell ? args.map((word) => `"${word}"`) : args, { ...options, shell });
  } catch (error) {
    options.signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new KafkaMissing("Maven is not installed");
    const [, why] = /\[ERROR\] (.*)/.exec((error as Error).message) ?? [];
    throw new KafkaMissing(`Apache Kafka could not be fetched by Maven: ${why ?? (error as Error).message}`);
  }
}

/**
 * Maven keeps what it fetches in the home, which may be read-only. Java asks the system's list of users for that, and not
 * HOME: a container's user may have none there.
 */
function mavenMayWrite(): boolean {
  try {
    const home = userInfo().homedir;
    const kept = [join(home, ".m2", "repository"), join(home, ".m2")].find(existsSync) ?? home;
    accessSync(kept, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a start left that was killed while it fetched. */
function removeOldDrafts(folder: string): void {
  for (const name of readdirSync(dirname(folder))) {
    const [, pid] = /\.(\d+)(?:\.m2)?$/.exec(name) ?? [];
    if (!name.startsWith(`${basename(folder)}.`) || (pid !== undefined && identify(Number(pid)))) continue;
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}
