import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { projectRoot } from "../runtime/project-root";
import { processesNaming } from "./support/processes-naming";

const folder = mkdtempSync(join(tmpdir(), "orders-refused-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a system where there is what every system has, and neither Java nor Docker. */
function startWithoutJava(home: string): ChildProcess {
  const path = join(folder, "bin");
  mkdirSync(path, { recursive: true });
  for (const system of ["/usr/bin", "/bin"])
    for (const name of ["sh", "sleep", "unshare"])
      if (existsSync(join(system, name)) && !existsSync(join(path, name)))
        symlinkSync(join(system, name), join(path, name));
  const { JAVA_HOME, KAFKA_HOME, KAFKA_BROKERS, DATABASE_URL, ...env } = process.env;
  return spawn(process.execPath, ["dist/tools/start/main.js", "--any-ports"], {
    cwd: projectRoot(),
    env: { ...env, PATH: path, ORDERS_HOME: home },
    stdio: ["ignore", "inherit", "pipe"],
  });
}

// Fails when the start's end does not end initdb, or does not wait until it has: it ran on, and the superuser's password
// stayed beside its folder.
test("a start without Java says what helps, ends with 1, and leaves nothing behind", async () => {
  const home = join(folder, "home");
  const child = startWithoutJava(home);
  const said = text(child.stderr as Readable);
  const [code] = await once(child, "exit");
  expect(processesNaming(home)).toEqual([]);
  expect(await said).toContain("Kafka needs Java 17 or newer, and PATH has none");
  expect(await said).toContain("sudo apt-get install openjdk-17-jre-headless maven");
  expect(await said).toContain("stopped");
  expect(code).toBe(1);
  expectNothingLeft(home);
});

// Fails when what cannot be told to anybody ends the start: in the middle of whatever it does.
test("a start whose terminal has gone leaves as little behind", async () => {
  const home = join(folder, "unseen");
  const child = startWithoutJava(home);
  child.stderr?.destroy();
  await once(child, "exit");
  expect(processesNaming(home)).toEqual([]);
  expectNothingLeft(home);
});

function expectNothingLeft(home: string): void {
  expect(readdirSync(home)).not.toContain("lock");
  expect(readdirSync(join(home, "postgres"))).not.toContain("data.password");
  expect(JSON.parse(readFileSync(join(home, "running.json"), "utf8"))).toEqual({});
}
