import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { SteadyClient } from "../../prisma/steady-client";
import type { Passwords } from "./passwords";
import { findPostgres, type RunPostgres } from "./postgres-binaries";
import { identify, isAlive, isRunOf } from "./process-identity";
import { runTool } from "./run-tool";
import { StartError } from "./steps";
import type { Supervised } from "./supervise";
import type { System } from "./system";

const LARGEST_LOG_BYTES = 10_000_000;
const STOP_MS = 5_000;
/** A server that has much to write may take this long to stop well. */
const LEFTOVER_PATIENCE_MS = 60_000;
/** invalid_password */
const WRONG_PASSWORD = "28P01";

type UrlOf = (user: "postgres" | "orders_owner", database: string) => string;

/** Durable, and sensible for a machine that also carries Kafka and both processes. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "100",
  shared_buffers: "256MB",
  // A burst of orders shall not force checkpoints; the log may take this much disk instead.
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  // A client that vanished gives up its locks.
  client_connection_check_interval: "10s",
  tcp_keepalives_idle: "30s",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%u@%d ",
};

/**
 * Starts the embedded PostgreSQL on 127.0.0.1 alone and waits until the owner can log in to the database `orders`. The
 * first time it makes the cluster, the owner and the database.
 *
 * @returns the owner's URL
 * @throws StartError if there is no way to run it, or it does not start; its log is named
 */
export async function startPostgres(system: System, passwords: Passwords): Promise<string> {
  const folder = system.home.path("postgres");
  const data = system.home.path("postgres/data");
  const run = findPostgres(folder);
  if (!existsSync(data)) {
    await system.steps.step("Postgres's data folder is made", () => makeCluster(system, run, data, passwords.postgres));
  }
  const port = await system.ports.choose("Postgres", 5432);
  const url: UrlOf = (user, database) => `postgresql://${user}:${passwords[user]}@127.0.0.1:${port}/${database}`;

  const start = async (): Promise<Answer> => {
    const postgres = superviseServer(system, run, port);
    const answer = await answerOf(postgres, url("postgres", "postgres"));
    if (answer === "wrong password") await postgres.stop(STOP_MS);
    return answer;
  };
  await system.steps.step(`Postgres listens on 127.0.0.1:${port}`, async () => {
    if ((await start()) === "welcome") return;
    system.steps.say(
      "  Postgres has other passwords than passwords.json: they are set anew, the data stay as they are",
    );
    await setSuperuserPassword(system, run, passwords.postgres);
    if ((await start()) !== "welcome") throw new StartError(`another Postgres answers on 127.0.0.1:${port}: end it`);
  });
  await makeDatabase(url, passwords.orders_owner);
  return url("orders_owner", "orders");
}

function superviseServer(system: System, run: RunPostgres, port: number): Supervised {
  const data = system.home.path("postgres/data");
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const logFile = system.home.path("postgres/server.log");
  return system.supervise({
    name: "Postgres",
    ...run("postgres", ["-D", data, "-p", String(port), ...settings]),
    cwd: system.home.path("postgres"),
    logFile,
    // SIGINT is its "fast" shutdown: it ends sessions instead of waiting for them.
    stopSignal: "SIGINT",
    before: async () => {
      await clearStalePid(data);
      if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_LOG_BYTES) {
        renameSync(logFile, `${logFile}.1`);
      }
    },
  });
}

type Answer = "welcome" | "wrong password";

/** Waits until the server answers a log-in. */
async function answerOf(postgres: Supervised, url: string): Promise<Answer> {
  let answer: Answer | undefined;
  await postgres.whenReady(async () => {
    const tried = await logIn(url);
    // What is not an answer of its own is a server that has not come up yet.
    answer = tried === undefined ? "welcome" : tried === WRONG_PASSWORD ? "wrong password" : undefined;
    return answer !== undefined;
  }, 120_000);
  return answer ?? "welcome";
}

/**
 * With the server stopped, whoever owns the files is asked for no password. In this mode a command is a line, and an
 * error is told, but the exit code is 0.
 */
async function setSuperuserPassword(system: System, run: RunPostgres, password: string): Promise<void> {
  const { command, args, uid, gid } = run("postgres", [
    "--single",
    "-D",
    system.home.path("postgres/data"),
    "postgres",
  ]);
  const input = `ALTER ROLE postgres PASSWORD ${pg.escapeLiteral(password)}\n`;
  const { all } = await runTool(command, args, { uid, gid, input, signal: system.signal });
  const [error] = /(?:ERROR|FATAL): .*/.exec(all) ?? [];
  if (error !== undefined) throw new StartError(`Postgres's password cannot be set: ${error}`);
}

/** Made beside its place and then renamed, so that a cluster which exists is whole. */
async function makeCluster(system: System, run: RunPostgres, data: string, password: string): Promise<void> {
  const draft = `${data}.new`;
  const passwordFile = `${data}.password`;
  rmSync(draft, { recursive: true, force: true });
  const { command, args, uid, gid } = run("initdb", [
    `--pgdata=${draft}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // The same order and letters on every machine, whatever languages it knows.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
  ]);
  try {
    writeFileSync(passwordFile, password, { mode: uid === undefined ? 0o600 : 0o644 });
    await runTool(command, args, { uid, gid, signal: system.signal });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, data);
}

/**
 * After an accident Postgres finds its old pid file. It starts over it if no process has that pid; if by now another
 * process has it, Postgres would refuse for ever. A postgres that is still alive on these data is asked to stop.
 */
export async function clearStalePid(data: string): Promise<void> {
  const file = `${data}/postmaster.pid`;
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : 0;
  const identity = pid > 0 ? identify(pid) : undefined;
  if (identity === undefined) return;
  if (!isRunOf(pid, "postgres", ["-D", data])) return rmSync(file, { force: true });
  try {
    process.kill(pid, "SIGINT");
  } catch {
    // It ended in this moment, or is another user's.
  }
  const deadline = Date.now() + LEFTOVER_PATIENCE_MS;
  while (isAlive(identity)) {
    if (Date.now() > deadline) throw new StartError(`Postgres runs on ${data} already (process ${pid}): end it first`);
    await delay(50);
  }
}

/** Returns nothing when the log-in succeeded, otherwise the error's code, empty if it has none. */
async function logIn(url: string): Promise<string | undefined> {
  const client = new SteadyClient({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.query("SELECT");
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? "";
  } finally {
    await client.end().catch(() => {});
  }
}

/** The owner may make databases and roles, which migrations and tests do, and is no superuser. */
async function makeDatabase(url: UrlOf, ownerPassword: string): Promise<void> {
  const client = new SteadyClient({ connectionString: url("postgres", "postgres") });
  await client.connect();
  const password = pg.escapeLiteral(ownerPassword);
  try {
    const owner = await client.query("SELECT FROM pg_roles WHERE rolname = 'orders_owner'");
    if (owner.rowCount === 0) {
      await client.query(`CREATE ROLE orders_owner LOGIN CREATEROLE CREATEDB PASSWORD ${password}`);
    }
    const database = await client.query("SELECT FROM pg_database WHERE datname = 'orders'");
    if (database.rowCount === 0) await client.query("CREATE DATABASE orders OWNER orders_owner");
    if ((await logIn(url("orders_owner", "orders"))) === WRONG_PASSWORD) {
      await client.query(`ALTER ROLE orders_owner PASSWORD ${password}`);
    }
  } finally {
    await client.end();
  }
}
