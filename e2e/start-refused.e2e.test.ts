import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../runtime/project-root";
import { processesNaming } from "./support/processes-naming";

const folder = mkdtempSync(join(tmpdir(), "orders-refused-"));
const home = join(folder, "home");

afterAll(() => rmSync(folder, { recursive: true }));

/** A PATH that has what every system has, and neither Java nor Docker. */
const withoutJava = (): string => {
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const system of ["/usr/bin", "/bin"])
    for (const name of ["sh", "sleep", "unshare"])
      if (existsSync(join(system, name)) && !existsSync(join(path, name)))
        symlinkSync(join(system, name), join(path, name));
  return path;
};

// Fails when the start's end does not end initdb, or does not wait until it has: it ran on, and the superuser's password
// stayed beside its folder.
test("a start without Java says what helps, ends with 1, and leaves nothing behind", async () => {
  const { JAVA_HOME, KAFKA_HOME, KAFKA_BROKERS, DATABASE_URL, ...env } = process.env;
  const child = spawn(process.execPath, ["dist/tools/start/main.js", "--any-ports"], {
    cwd: projectRoot(),
    env: { ...env, PATH: withoutJava(), ORDERS_HOME: home },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "exit");
  expect(processesNaming(home)).toEqual([]);
  expect(said).toContain("Kafka needs Java 17 or newer, and PATH has none");
  expect(said).toContain("sudo apt-get install openjdk-17-jre-headless maven");
  expect(said).toContain("stopped");
  expect(code).toBe(1);
  expect(readdirSync(join(home, "postgres"))).not.toContain("data.password");
  expect(JSON.parse(readFileSync(join(home, "running.json"), "utf8"))).toEqual({});
});
