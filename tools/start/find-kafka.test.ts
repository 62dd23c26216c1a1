import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { callGuardian, type Guardian } from "./guardian";
import { type Home, openHome } from "./home";
import { startKafka } from "./kafka";
import { findKafka, kafkaOnPath } from "./kafka-jars";
import { KafkaMissing } from "./kafka-missing";
import { createRunningRecord } from "./leftovers";
import { createPorts } from "./ports";
import { createSteps } from "./steps";
import { createSystem, type System } from "./system";

const { PATH, JAVA_HOME, KAFKA_HOME } = process.env;
let folder: string;
let home: Home;
let system: System;
let guardian: Guardian;
let said: string;

/** A program on the only folder of PATH, a shell's script. */
const program = (name: string, script: string): void => {
  const path = join(folder, "bin", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
};
const java = (version: string): void => program("java", `echo 'openjdk version "${version}"' >&2`);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orders-kafka-"));
  home = openHome({ ORDERS_HOME: join(folder, "home") });
  said = "";
  for (const name of ["JAVA_HOME", "KAFKA_HOME"]) delete process.env[name];
  process.env["PATH"] = join(folder, "bin");
  mkdirSync(join(folder, "bin"));
  symlinkSync("/bin/sh", join(folder, "bin/sh"));
  const steps = createSteps({ write: (text) => (said += text) });
  guardian = callGuardian(home);
  system = createSystem({
    home,
    steps,
    ports: createPorts(home, steps, true),
    signal: new AbortController().signal,
    guardian,
    running: createRunningRecord(home),
  });
});

afterEach(async () => {
  await system.stopAll();
  rmSync(folder, { recursive: true });
  Object.assign(process.env, { PATH });
  for (const [name, value] of Object.entries({ JAVA_HOME, KAFKA_HOME })) if (value) process.env[name] = value;
});

test.each([
  ["none", () => {}, "PATH has none"],
  ["one that is too old", () => java("11.0.2"), "PATH has Java 11.0.2"],
  ["one that is much too old", () => java("1.8.0_402"), "PATH has Java 1.8.0_402"],
  ["one that cannot be run", () => program("java", "echo broken; exit 3"), "PATH has one that cannot be run"],
])("of Java there is %s: that is said, with the ways out", async (_, make, found) => {
  make();
  const starting = startKafka(system);
  await expect(starting).rejects.toThrow(`Kafka needs Java 17 or newer, and ${found}`);
  await expect(starting).rejects.toThrow(
    /· Java 17 .*\n {2}· .*KAFKA_HOME.*\n {2}· .*KAFKA_BROKERS.*\n {2}· a Docker engine/,
  );
});

test("the Java of JAVA_HOME goes before that of PATH, unless it is too old", async () => {
  process.env["KAFKA_HOME"] = kafka("given");
  process.env["JAVA_HOME"] = folder;
  java("17.0.15");
  expect((await findKafka(system)).java).toBe(join(folder, "bin/java"));
  process.env["JAVA_HOME"] = join(folder, "nowhere");
  expect((await findKafka(system)).java).toBe("java");
});

/** A distribution of Kafka, as far as it is looked at. */
function kafka(name: string): string {
  mkdirSync(join(folder, name, "libs"), { recursive: true });
  for (const jar of ["kafka_2.13-4.3.1.jar", "a.jar"]) writeFileSync(join(folder, name, "libs", jar), "");
  return join(folder, name);
}

test("a KAFKA_HOME that is none is said, and nothing else is tried", async () => {
  java("21");
  process.env["KAFKA_HOME"] = folder;
  await expect(findKafka(system)).rejects.toThrow(`there are no jars in ${folder}/libs: is KAFKA_HOME a Kafka`);
});

test("a KAFKA_HOME is used as it is, and that is said", async () => {
  java("21");
  process.env["KAFKA_HOME"] = kafka("given");
  expect((await findKafka(system)).classpath).toBe(
    ["a.jar", "kafka_2.13-4.3.1.jar"].map((jar) => join(folder, "given/libs", jar)).join(":"),
  );
  expect(said).toContain(`using the Kafka of ${folder}/given`);
});

test("a Kafka on PATH is found by its script, also where that is a link", () => {
  expect(kafkaOnPath()).toBeUndefined();
  const script = join(kafka("given"), "bin/kafka-server-start.sh");
  mkdirSync(dirname(script));
  writeFileSync(script, "");
  symlinkSync(script, join(folder, "bin/kafka-server-start.sh"));
  expect(kafkaOnPath()).toBe(join(folder, "given/libs"));
});

test("where Java is missing and Docker runs, docker-compose.yml's Kafka is asked for, and one that hangs is named", async () => {
  program("docker", 'case "$*" in *port*) echo 127.0.0.1:1 ;; esac');
  await expect(startKafka(system)).rejects.toThrow(
    "docker-compose.yml's Kafka does not answer on 127.0.0.1:1: docker compose logs kafka",
  );
  expect(said).toContain("PATH has none; Docker runs, and gives its Kafka");
});

test("where Docker is installed and its engine does not run, what is missing is Java", async () => {
  program("docker", "exit 1");
  await expect(startKafka(system)).rejects.toBeInstanceOf(KafkaMissing);
});
