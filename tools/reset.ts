import { once } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { parseCommandLine } from "./command-line";
import { runCommand } from "./run-command";
import { openHome } from "./start/home";
import { takeLock } from "./start/lock";

/** Fetched once for all homes of a clone, holds nothing of anybody's, and costs a download. */
const KEPT = /^jars-/;

/** Its volume may also be that of a system in containers, which is not ours to forget. */
const IN_DOCKER =
  "Kafka ran in Docker, whose volume still has its records: docker compose down --volumes forgets it, with all else that docker-compose.yml keeps\n";

const notes = `
Examples:
  npm run reset
  npm run reset -- --yes
  ORDERS_HOME=/tmp/another npm run reset

Exit codes: 0 done, 1 it is running or the answer was no, 2 used wrongly.`;

runCommand(async (args) => {
  const command = new Command("npm run reset --")
    .description("Forgets the local system's data in .local, or in ORDERS_HOME: orders, topics, passwords, ports.")
    .option("--yes", "do not ask")
    .addHelpText("after", notes);
  const { yes } = parseCommandLine(command, args).opts<{ yes?: true }>();
  const { folder, path } = openHome();
  const lock = takeLock({ folder, path });
  if ("heldBy" in lock) {
    process.stderr.write(`Orders is running (process ${lock.heldBy.pid}): stop it first.\n`);
    return 1;
  }
  try {
    if (!yes && !process.stdin.isTTY) {
      process.stderr.write("nothing was changed: nobody can be asked here; npm run reset -- --yes does it unasked\n");
      return 1;
    }
    if (!yes && !(await agreed(`Forget all orders, topics and passwords in ${folder}?`))) {
      process.stderr.write("nothing was changed\n");
      return 1;
    }
    // What is half gone would be of no use: once begun, it is finished.
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {});
    for (const part of ["postgres", "redis", "env", "passwords.json", "ports.json", "running.json"]) {
      rmSync(path(part), { recursive: true, force: true });
    }
    const ranInDocker = existsSync(path("kafka/docker.log"));
    forgetKafka(path("kafka"));
    if (ranInDocker) process.stderr.write(IN_DOCKER);
    const downloads = keptIn(path("kafka"));
    process.stderr.write(`${folder} is as new${downloads ? `; the download in ${downloads} is kept` : ""}\n`);
    return 0;
  } finally {
    lock.release();
  }
});

function forgetKafka(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      if (!KEPT.test(name)) rmSync(`${folder}/${name}`, { recursive: true, force: true });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function keptIn(folder: string): string | undefined {
  const name = existsSync(folder) ? readdirSync(folder).find((each) => KEPT.test(each)) : undefined;
  return name && `${folder}/${name}`;
}

/** Ctrl-C and Ctrl-D are a no. */
async function agreed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Without a listener readline would leave the question unanswered for ever, and the process would end on its own.
  terminal.on("SIGINT", () => terminal.close());
  const left = once(terminal, "close").then(() => undefined);
  const answer = await Promise.race([terminal.question(`${question} (yes/no) `).catch(() => undefined), left]);
  if (answer === undefined) process.stderr.write("\n");
  terminal.close();
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}
