import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { projectRoot } from "../../runtime/project-root";
import type { PostgresProgram } from "./postgres-binaries";

// In a process of its own, whose PATH has an unshare that answers as in a container without user namespaces.

const isRoot = process.getuid?.() === 0;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orders-binaries-"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/unshare"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function findInitdb(data: string): { readonly found?: PostgresProgram; readonly said: string } {
  const module = join(projectRoot(), "dist/tools/start/postgres-binaries.js");
  const ask =
    "const [, module, data] = process.argv; console.log(JSON.stringify(require(module).findPostgres(data)('initdb', [])))";
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", ask, module, data], {
    env: { ...process.env, PATH: `${join(folder, "bin")}${delimiter}${process.env["PATH"]}` },
    encoding: "utf8",
  });
  return status === 0 ? { found: JSON.parse(stdout) as PostgresProgram, said: "" } : { said: stderr };
}

// Fails when user namespaces are root's only way.
test("where user namespaces are refused, PostgreSQL runs as another user than root, who has its files", () => {
  chmodSync(folder, 0o711);
  const data = join(folder, "home/postgres");
  const { found, said } = findInitdb(data);
  expect(said).toBe("");
  const { command = "", uid, gid } = found ?? {};
  expect(command).toMatch(/initdb$/);
  expect(uid === undefined).toBe(!isRoot);
  const made = spawnSync(command, [`--pgdata=${data}/data`, "--no-sync", "--auth=trust"], { uid, gid, cwd: data });
  expect(made.status).toBe(0);
  expect([existsSync(`${data}/data/PG_VERSION`), statSync(`${data}/data`).uid]).toEqual([
    true,
    uid ?? process.getuid?.(),
  ]);
});

test("where no other user can come to its files either, root is told the ways out", () => {
  const data = join(folder, "closed/home/postgres");
  mkdirSync(dirname(data), { recursive: true });
  chmodSync(join(folder, "closed"), 0o700);
  const { found, said } = findInitdb(data);
  if (isRoot) expect(said).toMatch(/namespaces are refused here.*Start as an ordinary user.*DATABASE_URL/);
  else expect(found?.uid).toBeUndefined();
});
